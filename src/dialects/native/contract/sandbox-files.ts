import { z } from 'zod';
import { problems, type Route } from '../../../http/index.ts';
import {
  directoryBody,
  entryList,
  fileEntry,
  listQuery,
  moveBody,
  pathQuery,
  watchQuery,
  writeQuery,
} from '../command-wire.ts';
import { sessionParams } from '../wire.ts';
import { json, jsonBody } from './shared.ts';

/** Files at any path inside the sandbox of a session. */

const example = {
  path: '/tmp/build.log',
  name: 'build.log',
  kind: 'file',
  target: null,
  target_kind: null,
  size: 1024,
  mode: 0o644,
  modified_at: '2026-01-02T03:04:05.000Z',
  user: 'user',
  group: 'user',
};

const answers = problems(400, 401, 403, 404, 408, 409, 410, 413, 415, 429, 500, 503);
const params = sessionParams;

export const sandboxFileRoutes = {
  stat: {
    id: 'statSandboxFile',
    method: 'GET',
    url: '/sessions/:session_id/fs/entry',
    rateClass: 'list',
    summary: 'What is at a path of the sandbox',
    params,
    query: pathQuery,
    answers: { ...answers, 200: json('The entry.', fileEntry, example) },
  },
  list: {
    id: 'listSandboxFiles',
    method: 'GET',
    url: '/sessions/:session_id/fs/list',
    rateClass: 'list',
    summary: 'What is in a directory of the sandbox',
    params,
    query: listQuery,
    answers: { ...answers, 200: json('In the order of a walk.', entryList, { data: [example], truncated: false }) },
  },
  read: {
    id: 'readSandboxFile',
    method: 'GET',
    url: '/sessions/:session_id/fs/content',
    rateClass: 'download',
    summary: 'The bytes of a file of the sandbox',
    params,
    query: pathQuery,
    headers: z.object({ range: z.string().optional().describe('One range of bytes, such as `bytes=0-1023`.') }),
    answers: {
      ...answers,
      200: { description: 'The bytes.', content: { type: 'application/octet-stream', schema: z.string() } },
      206: {
        description: 'The bytes of the range.',
        content: { type: 'application/octet-stream', schema: z.string() },
      },
    },
  },
  write: {
    id: 'writeSandboxFile',
    method: 'PUT',
    url: '/sessions/:session_id/fs/content',
    rateClass: 'upload',
    summary: 'Write a file of the sandbox',
    description:
      'The body is the content, of any type. Until all of it has come, what was there stays. In the workspace it becomes a file of the session; elsewhere it is lost with the sandbox.',
    params,
    query: writeQuery,
    body: { type: 'application/octet-stream', schema: z.string() },
    answers: { ...answers, 200: json('The file.', fileEntry, example) },
  },
  makeDirectory: {
    id: 'makeSandboxDirectory',
    method: 'POST',
    url: '/sessions/:session_id/fs/directories',
    rateClass: 'list',
    summary: 'Make a directory, with those it is in',
    params,
    body: jsonBody(directoryBody, { path: '/tmp/build' }),
    answers: { ...answers, 201: json('The directory.', fileEntry, { ...example, kind: 'directory' }) },
  },
  move: {
    id: 'moveSandboxFile',
    method: 'POST',
    url: '/sessions/:session_id/fs/move',
    rateClass: 'list',
    summary: 'Move a file or a directory',
    params,
    body: jsonBody(moveBody, { from: '/tmp/build.log', to: 'logs/build.log' }),
    answers: { ...answers, 200: json('The entry where it is now.', fileEntry, example) },
  },
  remove: {
    id: 'removeSandboxFile',
    method: 'DELETE',
    url: '/sessions/:session_id/fs/entry',
    rateClass: 'list',
    summary: 'Remove a file, or a directory with all that is in it',
    params,
    query: pathQuery,
    answers: { ...answers, 204: { description: 'It is gone.' } },
  },
  watch: {
    id: 'watchSandboxFiles',
    method: 'GET',
    url: '/sessions/:session_id/fs/changes',
    rateClass: 'list',
    summary: 'Changes below a directory of the sandbox, as they are seen',
    description:
      'It is looked at again and again while the sandbox runs: what comes and goes between two looks is not seen. Watching does not keep the sandbox running. The stream stays open.',
    params,
    query: watchQuery,
    answers: {
      ...answers,
      200: {
        description: 'The changes.',
        content: {
          type: 'text/event-stream',
          schema: z
            .string()
            .describe(
              'Events: `watching` at first, then `change {change, path}`: `created`, `written`, `removed`, `renamed` (the old path), `mode` or `overflow` (more changed than is told of).',
            ),
          example: 'event: change\ndata: {"change":"created","path":"out.txt"}\n\n',
        },
      },
    },
  },
} satisfies Record<string, Route>;
