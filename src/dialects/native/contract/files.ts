import { z } from 'zod';
import { fileAnswers, fileHeaders, problems, type Route } from '../../../http/index.ts';
import { summarySchema } from '../../../service/index.ts';
import { file, fileList } from '../answers.ts';
import { fileParams, fileReference, previewQuery, sessionParams } from '../wire.ts';
import { exampleFile, ids, json, jsonBody } from './shared.ts';

/** The files of a session. */

const exampleSummary = {
  kind: 'table',
  tables: [
    {
      name: '',
      rows: 27,
      column_count: 1,
      columns: [{ name: 'region', type: 'text', empty: 0, examples: ['North', 'South'] }],
    },
  ],
};

const reading = problems(400, 401, 404, 410, 429, 500, 503);
const writing = problems(400, 401, 404, 408, 410, 413, 415, 429, 500, 503);
const named = { 'Content-Disposition': z.string() };

export const fileRoutes = {
  list: {
    id: 'listSessionFiles',
    method: 'GET',
    url: '/sessions/:session_id/files',
    rateClass: 'list',
    summary: 'The files of a session',
    description: 'As of the last execution that ended, by path.',
    params: sessionParams,
    answers: { ...reading, 200: json('The files.', fileList, { data: [exampleFile] }) },
  },
  copy: {
    id: 'copySessionFile',
    method: 'POST',
    url: '/sessions/:session_id/files',
    rateClass: 'upload',
    summary: 'Put a copy of a stored file into a session',
    params: sessionParams,
    body: jsonBody(fileReference, { session_id: ids.session, id: ids.file, path: 'data/sales.csv' }),
    answers: {
      ...writing,
      ...problems(403, 409),
      201: json('The new file.', file, { ...exampleFile, path: 'data/sales.csv' }),
    },
  },
  read: {
    id: 'readSessionFile',
    method: 'GET',
    url: '/sessions/:session_id/files/*',
    rateClass: 'download',
    summary: 'The content of a file, or a preview of it',
    description:
      'With `preview`, or `/preview` behind the path, the answer is a preview, made in a sandbox: HTML to be shown in a frame without scripts, text, a summary (`FileSummary`), or a picture. Behind `/preview`, `form` or `Accept` chooses the form, and a file that has that very path comes first. A preview needs some time when it is made for the first time.',
    params: fileParams,
    query: previewQuery,
    headers: fileHeaders.extend({ 'if-none-match': z.string().optional() }),
    answers: {
      ...reading,
      ...fileAnswers,
      200: {
        ...fileAnswers[200],
        alternative: { type: 'application/json', schema: summarySchema, example: exampleSummary },
      },
      ...problems(422),
      304: { description: 'It is what the caller has.' },
    },
  },
  write: {
    id: 'writeSessionFile',
    method: 'PUT',
    url: '/sessions/:session_id/files/*',
    rateClass: 'upload',
    summary: 'Store a file, or another content of it',
    description: 'The body is the content, of any type.',
    params: fileParams,
    body: { type: 'application/octet-stream', schema: z.string() },
    answers: { ...writing, ...problems(409), 200: json('The file.', file, exampleFile) },
  },
  delete: {
    id: 'deleteSessionFile',
    method: 'DELETE',
    url: '/sessions/:session_id/files/*',
    rateClass: 'list',
    summary: 'Remove a file',
    params: fileParams,
    answers: { ...writing, ...problems(409), 204: { description: 'It is gone.' } },
  },
  archive: {
    id: 'readArchive',
    method: 'GET',
    url: '/sessions/:session_id/archive',
    rateClass: 'download',
    summary: 'All files of a session as a zip',
    params: sessionParams,
    answers: {
      ...reading,
      200: {
        description: 'The archive.',
        content: { type: 'application/zip', schema: z.string().meta({ contentMediaType: 'application/zip' }) },
        headers: named,
      },
    },
  },
} satisfies Record<string, Route>;
