import type { z } from 'zod';
import type { Answer } from '../../../http/index.ts';

/** What the routes of this API have in common. */

export const ids = {
  session: 'Qy3kZr0vXc7TgWbN5mLpA',
  execution: 'b7Vw2HsTq9LmXe4RfYc1Z',
  file: 'h2Jx8sUe4YdFq6KoVn1Ra',
};

export const json = (description: string, schema: z.ZodType, example: unknown): Answer => ({
  description,
  content: { type: 'application/json', schema, example },
});

export const jsonBody = <S extends z.ZodType>(schema: S, example: unknown) =>
  ({ type: 'application/json', schema, example }) as const;

export const exampleFile = {
  id: ids.file,
  session_id: ids.session,
  path: 'out/totals.csv',
  size: 1024,
  mime: 'text/csv',
  sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  created_at: '2026-01-02T03:04:05.000Z',
  source: 'program',
};
