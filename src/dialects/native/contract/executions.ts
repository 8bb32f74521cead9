import { z } from 'zod';
import { type Answer, type Content, problems, type Route } from '../../../http/index.ts';
import { finished, underWay, waiting } from '../answers.ts';
import { cellParams, executionBody, executionParams, sessionParams, toolResultsBody } from '../wire.ts';
import { exampleFile, ids, json, jsonBody } from './shared.ts';

/** Running code. */

const prefer = z
  .string()
  .optional()
  .describe('`respond-async`: do not wait for the end. `wait=<seconds>`: wait so long, at most 60 (RFC 7240).');
const lastEventId = z
  .string()
  .regex(/^\d{1,15}$/)
  .optional()
  .describe('With `Accept: text/event-stream`: only the events after this one.');
const headers = z.object({ prefer, 'last-event-id': lastEventId });

const location = { Location: z.string().describe('Where the execution can be found again.') };

const identity = { id: ids.execution, session_id: ids.session, language: 'python' };

const exampleEnd = {
  ...identity,
  status: 'done',
  outcome: 'completed',
  exit_code: 0,
  signal: null,
  state: 'continued',
  restored: null,
  interpreter: 'kept',
  started_at: '2026-01-02T03:04:05.000Z',
  isolation: 'namespaces',
  stage: 'run',
  usage: { cpu_ms: 5.1, wall_ms: 6.2, peak_memory_bytes: 48_234_496 },
  compile_usage: null,
  truncated: false,
  deleted: [],
  artifacts_lost: 0,
  lost: [],
} as const;

const exampleFinished = {
  ...exampleEnd,
  stdout: 'three rows\n',
  stderr: '',
  results: [{ 'text/plain': '6', 'application/json': 6 }],
  error: null,
  artifacts: [{ ...exampleFile, change: 'created' }],
};

const exampleWaiting = {
  ...identity,
  status: 'tool_calls',
  tool_calls: [{ id: 'call-1', name: 'get_weather', input: { city: 'Oslo' } }],
};

/** Events, one after another; each with a JSON object as its data. */
const events: Content = {
  type: 'text/event-stream',
  schema: z
    .string()
    .describe(
      'Events: `start {id, session_id, language}` (without a number), `stdout {text}`, `stderr {text}`, `display` and `result` ' +
        '(MimeBundle), `error` (ProgramError), `tool_call` (ToolCall), `gap {from, to}` (events that are no longer kept), ' +
        '`artifact` (Artifact), and at the end `done` (ExecutionEnd) or `failed {error, message}`. `id` is the number of the event. ' +
        'A comment is sent every 15 seconds when nothing else is.',
    ),
  example: [
    `event: start\ndata: ${JSON.stringify(identity)}\n`,
    'event: stdout\nid: 1\ndata: {"text":"three rows\\n"}\n',
    'event: result\nid: 2\ndata: {"text/plain":"6"}\n',
    `event: done\nid: 3\ndata: ${JSON.stringify(exampleEnd)}\n\n`,
  ].join('\n'),
};

const ended: Answer = {
  ...json(
    'It is over, however it ended; or it waits for the answers to tool calls.',
    z.union([finished, waiting]),
    exampleFinished,
  ),
  alternative: events,
};
const goesOn: Answer = json('It goes on.', underWay, { ...identity, status: 'running' });
const noMoreEvents: Answer = { description: 'There is no event after the one named.' };

const sending = problems(400, 401, 404, 408, 409, 410, 413, 415, 429, 500, 503);
const starting = {
  ...sending,
  ...problems(403),
  200: { ...ended, headers: location },
  202: { ...goesOn, headers: location },
};

const description =
  'The answer is 200 however the code ended. With `Accept: text/event-stream` everything is sent as it happens. An execution ' +
  'that is followed by events, or belongs to a session, goes on when the connection drops.';

const body = {
  aliases: { lang: 'language' },
  ...jsonBody(executionBody, {
    language: 'python',
    code: 'print("three rows")\ntotal = sum([1, 2, 3])\ntotal',
  }),
};

const read = {
  method: 'GET',
  rateClass: 'list',
  summary: 'An execution, running or finished',
  description: 'With `Accept: text/event-stream` its events from the first one, or after `Last-Event-ID`.',
  headers,
  answers: {
    ...problems(400, 401, 404, 409, 410, 429, 500, 503),
    200: {
      ...json('What is known of it.', z.union([finished, waiting, underWay]), exampleWaiting),
      alternative: events,
    },
    204: noMoreEvents,
  },
} as const;

const answer = {
  method: 'POST',
  rateClass: 'list',
  summary: 'Answer tool calls',
  description: 'Some or all of those that wait. Answering again with the same value changes nothing.',
  headers,
  body: jsonBody(toolResultsBody, { results: [{ id: 'call-1', value: { celsius: -3 } }] }),
  answers: { ...sending, 200: ended, 202: goesOn, 204: noMoreEvents },
} as const;

const cancel = {
  method: 'POST',
  rateClass: 'list',
  summary: 'End an execution',
  description: 'A kernel that heeds the interrupt keeps its variables. One that had not begun is answered 409.',
  answers: {
    ...sending,
    200: json('It is over, or about to be.', z.union([finished, waiting, underWay]), {
      ...exampleFinished,
      outcome: 'cancelled',
      exit_code: null,
    }),
  },
} as const;

export const executionRoutes = {
  execute: {
    id: 'execute',
    method: 'POST',
    url: '/executions',
    rateClass: 'exec',
    summary: 'Run code in a session of its own',
    description: `${description} The files it makes are kept as stored files of \`session_id\`; nothing else is.`,
    headers,
    body,
    answers: starting,
  },
  executeInSession: {
    id: 'executeInSession',
    method: 'POST',
    url: '/sessions/:session_id/executions',
    rateClass: 'exec',
    summary: 'Run code in a session',
    description: `${description} Executions of one session run one after another, in the order they came in.`,
    params: sessionParams,
    headers,
    body,
    answers: starting,
  },
  watch: {
    id: 'watchSession',
    method: 'GET',
    url: '/sessions/:session_id/events',
    rateClass: 'list',
    summary: 'Follow which executions begin and end in a session',
    description:
      'Those under way first. Executions of every API are told, so that a page can show what a model runs. The stream stays open.',
    params: sessionParams,
    answers: {
      ...problems(400, 401, 404, 410, 429, 500, 503),
      200: {
        description: 'Events until the caller leaves.',
        content: {
          type: 'text/event-stream',
          schema: z
            .string()
            .describe(
              '`execution {id, session_id, language, phase, code}`; `phase` is `begun` or `ended`, code at most 64 KiB.',
            ),
          example: `event: execution\ndata: ${JSON.stringify({ ...identity, phase: 'begun', code: '1 + 1' })}\n\n`,
        },
      },
    },
  },
  alone: {
    read: { id: 'readExecution', url: '/executions/:execution_id', params: executionParams, ...read },
    answer: {
      id: 'answerToolCalls',
      url: '/executions/:execution_id/tool_results',
      params: executionParams,
      ...answer,
    },
    cancel: { id: 'cancelExecution', url: '/executions/:execution_id/cancel', params: executionParams, ...cancel },
  },
  inSession: {
    read: {
      id: 'readSessionExecution',
      url: '/sessions/:session_id/executions/:execution_id',
      params: cellParams,
      ...read,
    },
    answer: {
      id: 'answerSessionToolCalls',
      url: '/sessions/:session_id/executions/:execution_id/tool_results',
      params: cellParams,
      ...answer,
    },
    cancel: {
      id: 'cancelSessionExecution',
      url: '/sessions/:session_id/executions/:execution_id/cancel',
      params: cellParams,
      ...cancel,
    },
  },
} satisfies Record<string, Route | Record<string, Route>>;
