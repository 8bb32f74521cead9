import { z } from 'zod';
import { type Answer, problems } from '../../../http/index.ts';

/** What the routes of operators have in common. */

const { 403: notPermitted } = problems(403);

/** The error answers of a route, by status. Every route refuses keys without the right. */
export function refusals(...statuses: readonly number[]): Record<number, Answer> {
  const description = 'The caller has no key with the right `admin`.';
  return { ...problems(400, 401, 429, 500, 503, ...statuses), 403: { ...notPermitted!, description } };
}

export const json = (description: string, schema: z.ZodType, example: unknown): Answer => ({
  description,
  content: { type: 'application/json', schema, example },
});

export const time = z.string().meta({ format: 'date-time' });
export const count = z.int().min(0);

export const owner = z
  .object({
    id: z.string().describe('Of the key, or of the tenant and user of a token.'),
    tenant: z.string(),
    name: z.string().nullable().describe('Of the key; null: it is no key that is known here.'),
  })
  .meta({ id: 'Owner' });

export const exampleOwner = { id: 'key:Qy3kZr0vXc7TgWbN5mLpA', tenant: 'key:Qy3kZr0vXc7TgWbN5mLpA', name: 'alice' };

export const limit = (most: number, usual: number) =>
  z.coerce.number().int().min(1).max(most).optional().describe(`${usual} when absent.`);
