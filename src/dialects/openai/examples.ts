import { z } from 'zod';
import type { Answer } from '../../http/index.ts';
import { errorAnswers } from './errors.ts';
import { wireId } from './ids.ts';

/** A JSON answer, for the OpenAPI document. */
export function json(description: string, schema: z.ZodType, example: unknown): Answer {
  return { description, content: { type: 'application/json', schema, example } };
}

/** An id in an address. Of another shape it is just as unknown as any that does not exist. */
export const idParam = z.string().regex(/^[\w-]{1,64}$/);

/** How a route with a credential and a rate can refuse, without a body and with one. */
export const reading = errorAnswers(400, 401, 404, 429, 500, 503);
export const sending = { ...reading, ...errorAnswers(408, 413, 415) };

export const fileExample = {
  id: wireId('file', 'Qy3kZr0vXc7TgWbN5mLpA'),
  object: 'file',
  bytes: 1024,
  created_at: 1767323045,
  expires_at: 1767409445,
  filename: 'sales.csv',
  purpose: 'user_data',
  status: 'processed',
  status_details: null,
};
