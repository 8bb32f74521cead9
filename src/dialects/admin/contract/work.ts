import { z } from 'zod';
import { idPattern } from '../../../core/index.ts';
import type { Route } from '../../../http/index.ts';
import { count, exampleOwner, json, limit, owner, refusals, time } from './shared.ts';

const id = z.string().regex(idPattern, 'must be 21 characters of A-Z, a-z, 0-9, "_" and "-"');
const ids = { execution: 'b7Vw2HsTq9LmXe4RfYc1Z', session: 'Qy3kZr0vXc7TgWbN5mLpA' };

const execution = z
  .object({
    id,
    serial: count.describe('For `after`.'),
    session_id: id,
    owner,
    language: z.string(),
    isolation: z.string().describe('What its sandbox is behind.'),
    status: z
      .enum(['queued', 'running', 'waiting', 'done'])
      .describe('`queued`: behind another of its session or for a place; `waiting`: for answers to its tool calls.'),
    begun_at: time.describe('When it was asked for.'),
    placed_at: time.nullable().describe('When it got a place to run; null: it has none yet.'),
  })
  .meta({ id: 'ObservedExecution' });

const session = z
  .object({
    id,
    owner,
    state: z.enum(['live', 'dormant', 'expired']),
    busy: z.boolean(),
    kernels: z.array(z.string()).describe('Those that hold variables now.'),
    created_at: time,
    last_active_at: time,
    expires_at: time,
    memory_bytes: count.describe('The most that its sandbox may use.'),
    isolation: z
      .string()
      .nullable()
      .describe('What its sandbox is behind; null: it is older than this, and the plan of its owner says it.'),
  })
  .meta({ id: 'ObservedSession' });

const exampleExecution = {
  id: ids.execution,
  serial: 4711,
  session_id: ids.session,
  owner: exampleOwner,
  language: 'python',
  isolation: 'namespaces',
  status: 'running',
  begun_at: '2026-01-02T03:04:05.000Z',
  placed_at: '2026-01-02T03:04:05.001Z',
} as const;
const exampleSession = {
  id: ids.session,
  owner: exampleOwner,
  state: 'live',
  busy: true,
  kernels: ['python'],
  created_at: '2026-01-02T03:00:00.000Z',
  last_active_at: '2026-01-02T03:04:05.000Z',
  expires_at: '2026-01-03T03:04:05.000Z',
  memory_bytes: 536_870_912,
  isolation: 'namespaces',
} as const;

export const workRoutes = {
  executions: {
    id: 'listAllExecutions',
    method: 'GET',
    url: '/admin/executions',
    rateClass: 'list',
    summary: 'What runs and waits now, of all keys',
    query: z.object({
      limit: limit(200, 50),
      after: z.coerce.number().int().min(0).optional().describe('`serial` of the last one of the page before.'),
    }),
    answers: {
      ...refusals(),
      200: json(
        'In the order they were asked for, without code, output and files.',
        z.object({ data: z.array(execution), has_more: z.boolean() }),
        { data: [exampleExecution], has_more: false },
      ),
    },
  },
  endExecution: {
    id: 'endExecution',
    method: 'POST',
    url: '/admin/executions/:execution_id/cancel',
    rateClass: 'list',
    summary: 'End an execution of any key',
    description:
      'Its caller reads the outcome `cancelled`. A kernel keeps its variables where the code heeds the interrupt.',
    params: z.object({ execution_id: id }),
    answers: {
      ...refusals(404, 408, 413, 415),
      200: json(
        'It is to end; the answer waits for that up to two seconds.',
        z.object({
          id,
          ended: z.boolean(),
          outcome: z.string().nullable().describe('Null: it has not ended yet.'),
        }),
        { id: ids.execution, ended: true, outcome: 'cancelled' },
      ),
    },
  },
  sessions: {
    id: 'listAllSessions',
    method: 'GET',
    url: '/admin/sessions',
    rateClass: 'list',
    summary: 'Sessions of all keys',
    query: z.object({
      limit: limit(200, 50),
      after: id.optional().describe('Id of the last session of the page before.'),
      state: z
        .enum(['live', 'all'])
        .optional()
        .describe('`live`, when absent: those with a sandbox, the latest used first; `all`: the newest first.'),
    }),
    answers: {
      ...refusals(),
      200: json(
        'Without their names and metadata, which are their owners’ words.',
        z.object({ data: z.array(session), has_more: z.boolean() }),
        { data: [exampleSession], has_more: false },
      ),
    },
  },
  releaseSession: {
    id: 'releaseSession',
    method: 'POST',
    url: '/admin/sessions/:session_id/release',
    rateClass: 'list',
    summary: 'End the sandbox of a session, and what runs in it',
    description: 'Its files stay; its next code starts another sandbox without the variables.',
    params: z.object({ session_id: id }),
    answers: {
      ...refusals(404, 408, 413, 415),
      200: json('Done.', z.object({ id, released: z.boolean().describe('False: it had no sandbox.') }), {
        id: ids.session,
        released: true,
      }),
    },
  },
} satisfies Record<string, Route>;
