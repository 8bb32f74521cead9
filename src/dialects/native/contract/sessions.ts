import { z } from 'zod';
import { problems, type Route } from '../../../http/index.ts';
import { fork, interrupted, session, sessionList } from '../answers.ts';
import { forkBody, listQuery, sessionBody, sessionChange, sessionParams } from '../wire.ts';
import { ids, json, jsonBody } from './shared.ts';

/** Sessions. */

const example = {
  id: ids.session,
  name: 'sales',
  state: 'live',
  busy: false,
  created_at: '2026-01-02T03:04:05.000Z',
  last_active_at: '2026-01-02T03:05:00.000Z',
  expires_at: '2026-01-03T03:05:00.000Z',
  idle_timeout_ms: 1_200_000,
  memory_bytes: 536_870_912,
  isolation: 'namespaces',
  metadata: { ticket: '4711' },
} as const;

const reading = problems(400, 401, 404, 429, 500, 503);
const changing = problems(400, 401, 404, 408, 410, 413, 415, 429, 500, 503);
const location = { Location: z.string() };
const forked = {
  ...json('It is there.', fork, { ...example, state: 'dormant', variables: 'variables' }),
  headers: location,
};
const made = { ...json('It is there.', session, example), headers: location };

export const sessionRoutes = {
  create: {
    id: 'createSession',
    method: 'POST',
    url: '/sessions',
    rateClass: 'exec',
    summary: 'Begin a session',
    body: { ...jsonBody(sessionBody, { name: 'sales', metadata: { ticket: '4711' } }), optional: true },
    answers: { ...changing, ...problems(403), 201: made },
  },
  list: {
    id: 'listSessions',
    method: 'GET',
    url: '/sessions',
    rateClass: 'list',
    summary: 'The caller’s sessions',
    query: listQuery,
    answers: {
      ...problems(400, 401, 429, 500, 503),
      200: json('A page of them.', sessionList, { data: [example], has_more: false }),
    },
  },
  read: {
    id: 'readSession',
    method: 'GET',
    url: '/sessions/:session_id',
    rateClass: 'list',
    summary: 'What is known of a session',
    description: 'Does not count as use.',
    params: sessionParams,
    answers: { ...reading, 200: json('The session.', session, example) },
  },
  change: {
    id: 'changeSession',
    method: 'PATCH',
    url: '/sessions/:session_id',
    rateClass: 'list',
    summary: 'Change a session’s name, idle time or metadata',
    params: sessionParams,
    body: jsonBody(sessionChange, { name: 'sales 2026' }),
    answers: { ...changing, 200: json('The session.', session, { ...example, name: 'sales 2026' }) },
  },
  delete: {
    id: 'deleteSession',
    method: 'DELETE',
    url: '/sessions/:session_id',
    rateClass: 'list',
    summary: 'End a session and remove its files',
    params: sessionParams,
    answers: { ...changing, 204: { description: 'It is gone.' } },
  },
  interrupt: {
    id: 'interruptSession',
    method: 'POST',
    url: '/sessions/:session_id/interrupt',
    rateClass: 'list',
    summary: 'Interrupt what runs in a session',
    description: 'Python sees KeyboardInterrupt; its variables stay.',
    params: sessionParams,
    answers: { ...changing, 200: json('Whether anything ran.', interrupted, { interrupted: true }) },
  },
  restart: {
    id: 'restartSession',
    method: 'POST',
    url: '/sessions/:session_id/restart',
    rateClass: 'list',
    summary: 'Forget a session’s variables and keep its files',
    params: sessionParams,
    answers: { ...changing, 200: json('The session.', session, { ...example, state: 'dormant' }) },
  },
  fork: {
    id: 'forkSession',
    method: 'POST',
    url: '/sessions/:session_id/fork',
    rateClass: 'exec',
    summary: 'Begin a session with the same files',
    description:
      'Its variables come back with its first code, as far as they can be saved; `variables` tells why there are none. Kernels that were made stay behind.',
    params: sessionParams,
    body: { ...jsonBody(forkBody, { name: 'sales, another way' }), optional: true },
    answers: { ...changing, ...problems(403), 201: forked },
  },
  notebook: {
    id: 'readNotebook',
    method: 'GET',
    url: '/sessions/:session_id/notebook',
    rateClass: 'download',
    summary: 'A session’s history as a Jupyter notebook',
    description: 'nbformat 4.5. Holds the executions that are remembered: the latest 1000, and 64 MiB of them at most.',
    params: sessionParams,
    answers: {
      ...reading,
      ...problems(410),
      200: {
        description: 'The notebook.',
        content: { type: 'application/x-ipynb+json', schema: z.string() },
        headers: { 'Content-Disposition': z.string() },
      },
    },
  },
} satisfies Record<string, Route>;
