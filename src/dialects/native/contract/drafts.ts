import { z } from 'zod';
import { problems, type Route } from '../../../http/index.ts';
import { id, listQuery, sessionParams } from '../wire.ts';
import { ids, json, jsonBody } from './shared.ts';

/** What the pages keep on the server: the cells of a notebook, and chats. */

/** Most bytes of one draft, as JSON. */
export const maxDraftBytes = 2 * 1024 * 1024;
const maxCells = 2000;
const maxTurns = 1000;
const short = z.string().max(64);
const long = z.string().max(1024 * 1024);

const cell = z.object({
  id: short,
  kind: z.enum(['code', 'text']),
  language: short,
  source: long,
  execution_id: id.nullish().describe('The latest execution of the cell.'),
});

const notebookBody = z
  .object({ cells: z.array(cell).max(maxCells) })
  .meta({ id: 'NotebookDocument', description: 'The cells of a session’s notebook, in order.' });

const turn = z.object({
  id: short,
  parent: short.nullish().describe('The turn before; null: the first one. Two turns with one parent are branches.'),
  text: long.describe('What the person wrote.'),
  files: z
    .array(z.object({ path: z.string().max(4096), size: z.int().min(0) }))
    .max(256)
    .nullish(),
  response_id: z.string().max(256).nullish(),
  model: z.string().max(256).nullish(),
  session_id: id.nullish(),
});

export const chatBody = z
  .object({
    title: z.string().max(256),
    model: z.string().max(256).nullish(),
    instructions: long.nullish(),
    code: z.boolean().describe('The model may run code.'),
    head: short.nullish().describe('The last turn of the branch that is shown.'),
    session_id: id.nullish().describe('Where its code runs.'),
    turns: z.array(turn).max(maxTurns),
  })
  .meta({ id: 'Chat' });

const chatAnswer = chatBody.extend({ id, updated_at: z.string(), expires_at: z.string() }).meta({ id: 'StoredChat' });
const chatSummary = z.object({ id, title: z.string(), session_id: id.nullable(), updated_at: z.string() });
const chatParams = z.object({ chat_id: id });
const ifMatch = z.object({ 'if-match': z.string().optional().describe('The `ETag` that was read.') });
const etag = { ETag: z.string().describe('Changes with every write.') };

const notebookExample = {
  cells: [{ id: 'c1', kind: 'code', language: 'python', source: '1 + 1', execution_id: ids.execution }],
} as const;
const chatExample = {
  title: 'Sales',
  model: 'openai/gpt-5',
  instructions: null,
  code: true,
  head: 't1',
  session_id: ids.session,
  turns: [{ id: 't1', parent: null, text: 'Which region grew?', response_id: 'resp_1', model: 'openai/gpt-5' }],
};
const storedExample = {
  ...chatExample,
  id: ids.execution,
  updated_at: '2026-01-02T03:04:05.000Z',
  expires_at: '2026-02-01T03:04:05.000Z',
};

const reading = problems(400, 401, 404, 429, 500, 503);
const writing = problems(400, 401, 404, 408, 409, 413, 415, 429, 500, 503);

export const draftRoutes = {
  readNotebook: {
    id: 'readNotebookDocument',
    method: 'GET',
    url: '/sessions/:session_id/document',
    rateClass: 'list',
    summary: 'The cells of a session’s notebook',
    description: 'Empty where none was written.',
    params: sessionParams,
    answers: { ...reading, 200: { ...json('The cells.', notebookBody, notebookExample), headers: etag } },
  },
  writeNotebook: {
    id: 'writeNotebookDocument',
    method: 'PUT',
    url: '/sessions/:session_id/document',
    rateClass: 'list',
    summary: 'Write the cells of a session’s notebook',
    description: 'Runs nothing. 409 when it was changed since it was read.',
    params: sessionParams,
    headers: ifMatch,
    body: jsonBody(notebookBody, notebookExample),
    answers: { ...writing, 204: { description: 'It is written.', headers: etag } },
  },
  listChats: {
    id: 'listChats',
    method: 'GET',
    url: '/chats',
    rateClass: 'list',
    summary: 'The caller’s chats, without their turns',
    query: listQuery.omit({ name: true }),
    answers: {
      ...problems(400, 401, 429, 500, 503),
      200: json('A page of them.', z.object({ data: z.array(chatSummary), has_more: z.boolean() }), {
        data: [{ id: ids.execution, title: 'Sales', session_id: null, updated_at: '2026-01-02T03:04:05.000Z' }],
        has_more: false,
      }),
    },
  },
  createChat: {
    id: 'createChat',
    method: 'POST',
    url: '/chats',
    rateClass: 'list',
    summary: 'Begin a chat',
    body: jsonBody(chatBody, chatExample),
    answers: { ...writing, 201: { ...json('It is there.', chatAnswer, storedExample), headers: etag } },
  },
  readChat: {
    id: 'readChat',
    method: 'GET',
    url: '/chats/:chat_id',
    rateClass: 'list',
    summary: 'A chat with its turns; their answers are responses',
    params: chatParams,
    answers: { ...reading, 200: { ...json('The chat.', chatAnswer, storedExample), headers: etag } },
  },
  writeChat: {
    id: 'writeChat',
    method: 'PUT',
    url: '/chats/:chat_id',
    rateClass: 'list',
    summary: 'Replace a chat',
    description: '409 when it was changed since it was read.',
    params: chatParams,
    headers: ifMatch,
    body: jsonBody(chatBody, chatExample),
    answers: { ...writing, 200: { ...json('The chat.', chatAnswer, storedExample), headers: etag } },
  },
  deleteChat: {
    id: 'deleteChat',
    method: 'DELETE',
    url: '/chats/:chat_id',
    rateClass: 'list',
    summary: 'Remove a chat; its responses and session stay',
    params: chatParams,
    answers: { ...reading, 204: { description: 'It is gone.' } },
  },
} satisfies Record<string, Route>;
