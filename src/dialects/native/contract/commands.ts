import { z } from 'zod';
import { type Content, problems, type Route } from '../../../http/index.ts';
import {
  command,
  commandBody,
  commandList,
  commandParams,
  inputQuery,
  signalBody,
  signalled,
  terminalQuery,
  terminalSize,
} from '../command-wire.ts';
import { sessionParams } from '../wire.ts';
import { ids, json, jsonBody } from './shared.ts';

/** Commands of a session. */

const example = {
  id: 'c4Nw8sQe1YhGt6KrZv3Ub',
  session_id: ids.session,
  pid: 12,
  argv: ['/bin/bash', '-c', 'make test'],
  cwd: '/mnt/data',
  terminal: null,
  tag: null,
  state: 'running',
  end: null,
  started_at: '2026-01-02T03:04:05.000Z',
  deadline: '2026-01-03T03:04:05.000Z',
};

const changing = problems(400, 401, 404, 408, 409, 410, 413, 415, 429, 500, 503);
const lastEvent = z.object({
  'last-event-id': z.string().optional().describe('With `Accept: text/event-stream`: only the events after this one.'),
});

const events: Content = {
  type: 'text/event-stream',
  schema: z
    .string()
    .describe(
      'Events: `start` (Command, without a number), `stdout`, `stderr` and `terminal` (`{text}`, or `{base64}` where the bytes are not UTF-8 ' +
        'by themselves), `gap {bytes}` (output that nothing read in time; null: not known how much), `ended {reason, exit_code, signal}`, ' +
        'and at the end `files {changed, deleted}`: paths of the workspace. `id` is the number of the event. A comment is sent every 15 seconds when nothing else is.',
    ),
  example: [
    'event: stdout\nid: 1\ndata: {"text":"3 passed\\n"}\n',
    'event: ended\nid: 2\ndata: {"reason":"exited","exit_code":0,"signal":null}\n',
    'event: files\nid: 3\ndata: {"changed":["report.xml"],"deleted":[]}\n\n',
  ].join('\n'),
};

export const commandRoutes = {
  start: {
    id: 'startCommand',
    method: 'POST',
    url: '/sessions/:session_id/commands',
    rateClass: 'exec',
    summary: 'Start a command beside the cells of a session',
    description:
      'The answer comes when the program has started; with `Accept: text/event-stream` it is its events. The command goes on when the caller leaves. ' +
      'It keeps the sandbox running until it ends, and ends with the session. A session runs at most 16 at once.',
    params: sessionParams,
    body: jsonBody(commandBody, { command: 'make test' }),
    answers: {
      ...changing,
      201: {
        ...json('It runs.', command, example),
        alternative: events,
        headers: { Location: z.string() },
      },
    },
  },
  list: {
    id: 'listCommands',
    method: 'GET',
    url: '/sessions/:session_id/commands',
    rateClass: 'list',
    summary: 'The commands of a session',
    description: 'Those that run, and those that ended some minutes ago.',
    params: sessionParams,
    answers: { ...changing, 200: json('All of them.', commandList, { data: [example] }) },
  },
  read: {
    id: 'readCommand',
    method: 'GET',
    url: '/sessions/:session_id/commands/:command_id',
    rateClass: 'list',
    summary: 'A command, or what it says',
    description:
      'With `Accept: text/event-stream` its events from the first one that is kept, or after `Last-Event-ID`. A reader that keeps up gets every byte.',
    params: commandParams,
    headers: lastEvent,
    answers: { ...changing, 200: { ...json('The command.', command, example), alternative: events } },
  },
  write: {
    id: 'writeCommand',
    method: 'POST',
    url: '/sessions/:session_id/commands/:command_id/stdin',
    rateClass: 'list',
    summary: 'Write to the input of a command',
    description: 'The body is the bytes, at most 1 MiB. All of them are taken, or none (409, 429).',
    params: commandParams,
    query: inputQuery,
    body: { type: 'application/octet-stream', schema: z.string() },
    answers: { ...changing, 204: { description: 'They are on their way.' } },
  },
  signal: {
    id: 'signalCommand',
    method: 'POST',
    url: '/sessions/:session_id/commands/:command_id/signal',
    rateClass: 'list',
    summary: 'Send a signal to a command',
    description: 'To every process of its group.',
    params: commandParams,
    body: jsonBody(signalBody, { signal: 'SIGINT' }),
    answers: { ...changing, 200: json('Whether it ran.', signalled, { signalled: true }) },
  },
  resize: {
    id: 'resizeCommand',
    method: 'POST',
    url: '/sessions/:session_id/commands/:command_id/terminal',
    rateClass: 'list',
    summary: 'Give the terminal of a command another size',
    params: commandParams,
    body: jsonBody(terminalSize, { columns: 120, rows: 40 }),
    answers: { ...changing, 204: { description: 'It has this size.' } },
  },
  terminal: {
    id: 'openTerminal',
    method: 'GET',
    url: '/sessions/:session_id/terminal',
    rateClass: 'exec',
    summary: 'A terminal in the sandbox of a session, over a WebSocket',
    description:
      'A shell (Bash where the sandbox has it) that ends with the connection. Binary frames are bytes, both ways. A text frame is JSON: from the client ' +
      '`{cols, rows}`, the new size; from the service `{gap}` (so many bytes of output were dropped; null: not known), `{error}` (what the client sent ' +
      'was not taken) and at the end `{exit, reason, signal}`, before the socket is closed with 1000. It counts as a command.',
    params: sessionParams,
    query: terminalQuery,
    answers: { ...changing, 101: { description: 'The terminal is open.' } },
  },
  delete: {
    id: 'deleteCommand',
    method: 'DELETE',
    url: '/sessions/:session_id/commands/:command_id',
    rateClass: 'list',
    summary: 'End a command by force and forget it',
    params: commandParams,
    answers: { ...changing, 204: { description: 'It is gone.' } },
  },
} satisfies Record<string, Route>;
