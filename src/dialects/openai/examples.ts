import { z } from 'zod';
import type { Answer } from '../../http/index.ts';
import { errorAnswers } from './errors.ts';
import { wireId } from './ids.ts';

/** A JSON answer, for the OpenAPI document. */
export function json(description: string, schema: z.ZodType, example: unknown): Answer {
  return { description, content: { type: 'application/json', schema, example } };
}

/** An id in an address. An id of another shape is unknown, as one that does not exist. */
export const idParam = z.string().regex(/^[\w-]{1,64}$/);

/** The errors of every route, without a body and with one. */
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

export const containerExample = {
  id: wireId('container', 'Qy3kZr0vXc7TgWbN5mLpA'),
  object: 'container',
  created_at: 1767323045,
  status: 'running',
  expires_after: { anchor: 'last_active_at', minutes: 20 },
  last_active_at: 1767323045,
  memory_limit: '1g',
  network_policy: { type: 'disabled' },
  name: 'analysis',
};

export const containerFileExample = {
  id: wireId('containerFile', 'h2Jx8sUe4YdFq6KoVn1Ra'),
  object: 'container.file',
  container_id: containerExample.id,
  created_at: 1767323045,
  bytes: 1024,
  path: '/mnt/data/sales.csv',
  filename: 'sales.csv',
  source: 'user',
};

export const assistantExample = {
  id: wireId('assistant', 'Qy3kZr0vXc7TgWbN5mLpA'),
  object: 'assistant',
  created_at: 1767323045,
  name: null,
  description: null,
  model: 'openai/gpt-5',
  instructions: 'Answer in numbers.',
  tools: [{ type: 'code_interpreter' }],
  files: [],
  tool_resources: { code_interpreter: { file_ids: [] } },
  metadata: {},
  temperature: null,
  top_p: null,
};

/** A list of one. */
export function pageExample(element: { readonly id: string }): object {
  return { object: 'list', data: [element], first_id: element.id, last_id: element.id, has_more: false };
}
