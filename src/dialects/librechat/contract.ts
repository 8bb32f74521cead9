import { z } from 'zod';
import { type Answer, fileAnswers, fileHeaders, problems, type Route } from '../../http/index.ts';
import {
  batchAnswer,
  batchRefusal,
  deleteAnswer,
  execAnswer,
  listAnswer,
  objectAnswer,
  uploadAnswer,
} from './answers.ts';
import { cancelAnswer, cancelBody, continuationBody, programAnswer, programBody } from './programmatic-wire.ts';
import { execBody, fileParams, identityQuery, listQuery, sessionParams } from './wire.ts';

/** The routes: where they are, what they accept, what they answer. */

const headers = z.object({
  'x-codeapi-expected-profile': z
    .enum(['default', 'stateful'])
    .optional()
    .describe(
      'What kind of machine the client counts on: a fresh one for each call, or, with `stateful`, the one its `runtime_session_hint` names.',
    ),
});

const sid = 'Qy3kZr0vXc7TgWbN5mLpA';
const fid = 'h2Jx8sUe4YdFq6KoVn1Ra';
const session = { session_id: sid, storage_session_id: sid };

const json = (description: string, schema: z.ZodType, example: unknown): Answer => ({
  description,
  content: { type: 'application/json', schema, example },
});

/** The error answers of a route without a body, and with one. */
const reading = problems(400, 401, 404, 409, 429, 500, 503);
const sending = problems(400, 401, 408, 409, 413, 415, 429, 500, 503);

const form = {
  type: 'multipart/form-data',
  // Fields come before the files.
  schema: z.object({
    ...identityQuery.shape,
    read_only: z.enum(['true', 'false']).optional(),
    file: z
      .array(z.string().meta({ contentMediaType: 'application/octet-stream' }))
      .describe('Files, with their paths.'),
  }),
};

const deleted = {
  ...sending,
  ...problems(404),
  200: json('It is removed.', deleteAnswer, { message: 'File deleted successfully', ...session, fileId: fid }),
};

export const routes = {
  exec: {
    id: 'exec',
    method: 'POST',
    url: '/exec',
    rateClass: 'exec',
    summary: 'Run a program',
    description: 'The answer is 200 however the program ended.',
    headers,
    body: {
      type: 'application/json',
      schema: execBody,
      aliases: { language: 'lang' },
      example: { lang: 'py', code: 'print(6 * 7)' },
    },
    answers: {
      200: json('How the program ended.', execAnswer, {
        ...session,
        stdout: '42\n',
        stderr: '',
        code: 0,
        signal: null,
        message: null,
        status: null,
        wall_time: 3,
        cpu_time: 2,
        memory: 9_437_184,
        files: [],
      }),
      ...sending,
      ...problems(403),
    },
  },
  execProgrammatic: {
    id: 'execProgrammatic',
    method: 'POST',
    url: '/exec/programmatic',
    rateClass: 'exec',
    summary: 'Run a program that calls your tools, or answer its calls',
    description:
      'The program waits, alive, while its calls are answered; each request leads to the next round of calls or to the end. All calls that are pending when it can go no further come together. What it waits for is ended after ten minutes, and when the connection of a request closes.',
    headers: headers.extend({
      'x-librechat-code-request-id': z.string().optional().describe('A UUID to cancel this request by.'),
    }),
    body: {
      type: 'application/json',
      schema: z.union([programBody, continuationBody]),
      unchecked: true,
      example: {
        code: 'print((await get_weather(city="Oslo"))["celsius"])',
        tools: [
          {
            name: 'get_weather',
            parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
          },
        ],
      },
    },
    answers: {
      200: json('A round of calls, or how the program ended.', programAnswer, {
        status: 'tool_call_required',
        ...session,
        continuation_token: `${sid}.1`,
        tool_calls: [{ id: 'call_001', name: 'get_weather', input: { city: 'Oslo' } }],
        partial_stdout: '',
      }),
      ...sending,
      ...problems(403, 404),
    },
  },
  cancelProgrammatic: {
    id: 'cancelProgrammatic',
    method: 'POST',
    url: '/exec/programmatic/cancel',
    rateClass: 'list',
    summary: 'End a program by the id of one of its requests',
    body: {
      type: 'application/json',
      schema: cancelBody,
      example: { request_id: '3f0c8c9e-6d1b-4a55-9f3e-2f6b0a4c1d77' },
    },
    answers: {
      200: json('It had ended before.', cancelAnswer, { status: 'already_completed' }),
      202: json('It is being ended.', cancelAnswer, { status: 'cancellation_requested' }),
      ...sending,
      ...problems(403, 404),
    },
  },
  upload: {
    id: 'upload',
    method: 'POST',
    url: '/upload',
    rateClass: 'upload',
    summary: 'Store files, all or none, as one session',
    headers,
    body: form,
    answers: {
      200: json('They are stored.', uploadAnswer, {
        message: 'success',
        ...session,
        files: [{ id: fid, fileId: fid, filename: 'data/sales.csv' }],
      }),
      ...sending,
      ...problems(504),
    },
  },
  uploadBatch: {
    id: 'uploadBatch',
    method: 'POST',
    url: '/upload/batch',
    rateClass: 'upload',
    summary: 'Store as many files as possible as one session',
    headers,
    body: form,
    answers: {
      ...sending,
      ...problems(504),
      200: json('Some of them are stored.', batchAnswer, {
        message: 'success',
        ...session,
        files: [{ status: 'success', id: fid, fileId: fid, filename: 'sales.csv' }],
        succeeded: 1,
        failed: 0,
      }),
      400: {
        description: 'Nothing was stored, or the request is malformed.',
        content: {
          type: 'application/json',
          schema: z.union([batchRefusal, problems(400)[400]!.content!.schema]),
        },
      },
    },
  },
  download: {
    id: 'download',
    method: 'GET',
    url: '/download/:sid/:fid',
    rateClass: 'download',
    summary: 'The content of a file',
    headers: headers.extend(fileHeaders.shape),
    params: fileParams,
    query: identityQuery,
    answers: {
      ...reading,
      ...fileAnswers,
    },
  },
  object: {
    id: 'object',
    method: 'GET',
    url: '/sessions/:sid/objects/:fid',
    rateClass: 'list',
    summary: 'What is known of a file',
    headers,
    params: fileParams,
    query: identityQuery,
    answers: {
      ...reading,
      200: json('The file.', objectAnswer, {
        name: `${sid}/${fid}.csv`,
        originalFilename: 'data/sales.csv',
        id: fid,
        fileId: fid,
        ...session,
        size: 1024,
        lastModified: '2026-01-02T03:04:05.000Z',
        etag: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        contentType: 'text/csv',
        readOnly: false,
      }),
    },
  },
  list: {
    id: 'list',
    method: 'GET',
    url: '/files/:sid',
    rateClass: 'list',
    summary: 'The files of a session',
    headers,
    params: sessionParams,
    query: listQuery,
    answers: { ...reading, 200: json('The files.', listAnswer, [`${sid}/${fid}.csv`]) },
  },
  delete: {
    id: 'delete',
    method: 'DELETE',
    url: '/files/:sid/:fid',
    rateClass: 'list',
    summary: 'Remove a file',
    headers,
    params: fileParams,
    query: identityQuery,
    answers: deleted,
  },
  deleteObject: {
    id: 'deleteObject',
    method: 'DELETE',
    url: '/sessions/:sid/objects/:fid',
    rateClass: 'list',
    summary: 'Remove a file',
    description: 'The same as `DELETE /files/{sid}/{fid}`.',
    headers,
    params: fileParams,
    query: identityQuery,
    answers: deleted,
  },
} satisfies Record<string, Route>;
