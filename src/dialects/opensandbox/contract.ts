import { z } from 'zod';
import type { Answer, Route } from '../../http/index.ts';
import { prefix } from './address.ts';
import { errors } from './errors.ts';
import {
  codeBody,
  commandBody,
  commandParams,
  commandStatus,
  context,
  contextBody,
  contextParams,
  createBody,
  cursorQuery,
  directoriesBody,
  directoryQuery,
  downloadQuery,
  endpoint,
  endpointParams,
  fileInfo,
  idQuery,
  languageQuery,
  listQuery,
  metadataBody,
  moveBody,
  pathsQuery,
  renewBody,
  sandbox,
  sandboxList,
  sandboxParams,
  searchQuery,
} from './wire.ts';

const example = {
  id: 'Qy3kZr0vXc7TgWbN5mLpA',
  status: { state: 'Running' },
  metadata: {},
  expiresAt: '2026-01-02T03:09:05.000Z',
  createdAt: '2026-01-02T03:04:05.000Z',
  entrypoint: ['/opt/code-interpreter/code-interpreter.sh'],
};
const json = (description: string, schema: z.ZodType, shown?: unknown): Answer => ({
  description,
  content: { type: 'application/json', schema, ...(shown === undefined ? {} : { example: shown }) },
});
const jsonBody = <S extends z.ZodType>(schema: S, shown: unknown) =>
  ({ type: 'application/json', schema, example: shown }) as const;
const reading = errors();
const sending = errors(408, 413, 415);

/** The lifecycle of sandboxes. */
export const lifecycleRoutes = {
  create: {
    id: 'openSandboxCreate',
    method: 'POST',
    url: `${prefix}/sandboxes`,
    rateClass: 'exec',
    summary: 'Make a sandbox',
    description:
      'It is a session that ends at a moment of its own. Nothing is pulled and no entrypoint runs: the names of the code interpreter’s image stand for ours. Clients call `/v1/sandboxes`.',
    body: jsonBody(createBody, { image: { uri: 'opensandbox/code-interpreter:v1.1.0' }, timeout: 300 }),
    answers: { ...sending, 202: json('It runs.', sandbox, example) },
  },
  list: {
    id: 'openSandboxList',
    method: 'GET',
    url: `${prefix}/sandboxes`,
    rateClass: 'list',
    summary: 'The caller’s sandboxes',
    query: listQuery,
    answers: { ...reading, 200: json('A page of them.', sandboxList) },
  },
  read: {
    id: 'openSandboxRead',
    method: 'GET',
    url: `${prefix}/sandboxes/:sandbox_id`,
    rateClass: 'list',
    summary: 'What is known of a sandbox',
    params: sandboxParams,
    answers: { ...reading, 200: json('The sandbox.', sandbox, example) },
  },
  delete: {
    id: 'openSandboxDelete',
    method: 'DELETE',
    url: `${prefix}/sandboxes/:sandbox_id`,
    rateClass: 'list',
    summary: 'End a sandbox and remove its files',
    params: sandboxParams,
    answers: { ...reading, 204: { description: 'It is gone.' } },
  },
  renew: {
    id: 'openSandboxRenew',
    method: 'POST',
    url: `${prefix}/sandboxes/:sandbox_id/renew-expiration`,
    rateClass: 'list',
    summary: 'Choose when a sandbox ends, later or earlier',
    params: sandboxParams,
    body: jsonBody(renewBody, { expiresAt: '2026-01-02T04:04:05.000Z' }),
    answers: { ...sending, 200: json('When it ends now.', z.object({ expiresAt: z.string() })) },
  },
  metadata: {
    id: 'openSandboxMetadata',
    method: 'PATCH',
    url: `${prefix}/sandboxes/:sandbox_id/metadata`,
    rateClass: 'list',
    summary: 'Change the metadata of a sandbox; null removes an entry',
    params: sandboxParams,
    body: jsonBody(metadataBody, { stage: 'two', draft: null }),
    answers: { ...sending, 200: json('The sandbox.', sandbox, example) },
  },
  endpoint: {
    id: 'openSandboxEndpoint',
    method: 'GET',
    url: `${prefix}/sandboxes/:sandbox_id/endpoints/:port`,
    rateClass: 'list',
    summary: 'Where a port of a sandbox is reached',
    description: 'Port 44772 takes code, commands and files. The headers of the answer go with every request to it.',
    params: endpointParams,
    answers: {
      ...errors(501),
      200: json('Host and path, without a scheme.', endpoint, {
        endpoint: 'localhost:8080/opensandbox/sandboxes/Qy3kZr0vXc7TgWbN5mLpA/execd',
        headers: { 'X-EXECD-ACCESS-TOKEN': '…' },
      }),
    },
  },
} satisfies Record<string, Route>;

/** Where the routes inside a sandbox are. */
const execd = `${prefix}/sandboxes/:sandbox_id/execd`;

/** Code in a sandbox. */
export const codeRoutes = {
  ping: {
    id: 'openSandboxPing',
    method: 'GET',
    url: `${execd}/ping`,
    summary: 'Whether a sandbox can be used',
    params: sandboxParams,
    answers: { ...reading, 200: { description: 'It can.' } },
  },
  run: {
    id: 'openSandboxCode',
    method: 'POST',
    url: `${execd}/code`,
    rateClass: 'exec',
    summary: 'Run code in a context',
    description: 'Without an id it is the default context of the language, which keeps its variables.',
    params: sandboxParams,
    body: jsonBody(codeBody, { code: 'print(40 + 2)', context: { language: 'python' } }),
    answers: {
      ...sending,
      200: { description: 'Events as they happen.', content: { type: 'text/event-stream', schema: z.string() } },
    },
  },
  interrupt: {
    id: 'openSandboxInterrupt',
    method: 'DELETE',
    url: `${execd}/code`,
    rateClass: 'list',
    summary: 'Interrupt code by the id of its first event',
    params: sandboxParams,
    query: idQuery,
    answers: { ...reading, 200: { description: 'It is interrupted.' } },
  },
  createContext: {
    id: 'openSandboxCreateContext',
    method: 'POST',
    url: `${execd}/code/context`,
    rateClass: 'exec',
    summary: 'Make a context with variables of its own',
    params: sandboxParams,
    body: jsonBody(contextBody, { language: 'python' }),
    answers: { ...sending, 200: json('It is there.', context, { id: 'k5Tb2MxWq8RzVd1NfHc7J', language: 'python' }) },
  },
  listContexts: {
    id: 'openSandboxListContexts',
    method: 'GET',
    url: `${execd}/code/contexts`,
    rateClass: 'list',
    summary: 'The contexts of a sandbox',
    params: sandboxParams,
    query: languageQuery,
    answers: { ...reading, 200: json('All of them.', z.array(context)) },
  },
  deleteContexts: {
    id: 'openSandboxDeleteContexts',
    method: 'DELETE',
    url: `${execd}/code/contexts`,
    rateClass: 'list',
    summary: 'End the contexts of a language',
    params: sandboxParams,
    query: languageQuery,
    answers: { ...reading, 200: { description: 'They are gone.' } },
  },
  readContext: {
    id: 'openSandboxReadContext',
    method: 'GET',
    url: `${execd}/code/contexts/:context_id`,
    rateClass: 'list',
    summary: 'A context',
    params: contextParams,
    answers: { ...reading, 200: json('The context.', context) },
  },
  deleteContext: {
    id: 'openSandboxDeleteContext',
    method: 'DELETE',
    url: `${execd}/code/contexts/:context_id`,
    rateClass: 'list',
    summary: 'End a context',
    params: contextParams,
    answers: { ...reading, 200: { description: 'It is gone.' } },
  },
} satisfies Record<string, Route>;

const fine = (description: string): Answer => ({ description });
const events: Answer = {
  description: 'Events as they happen.',
  content: { type: 'text/event-stream', schema: z.string() },
};

/** Commands in a sandbox. */
export const commandRoutes = {
  run: {
    id: 'openSandboxCommand',
    method: 'POST',
    url: `${execd}/command`,
    rateClass: 'exec',
    summary: 'Run a command',
    description: 'An exit status other than 0 is an `error` whose `evalue` is the status.',
    params: sandboxParams,
    body: jsonBody(commandBody, { command: 'echo hello' }),
    answers: { ...sending, 200: events },
  },
  interrupt: {
    id: 'openSandboxInterruptCommand',
    method: 'DELETE',
    url: `${execd}/command`,
    rateClass: 'list',
    summary: 'Interrupt a command',
    params: sandboxParams,
    query: idQuery,
    answers: { ...reading, 200: fine('It is interrupted.') },
  },
  status: {
    id: 'openSandboxCommandStatus',
    method: 'GET',
    url: `${execd}/command/status/:command_id`,
    rateClass: 'list',
    summary: 'Whether a command runs, or how it ended',
    params: commandParams,
    answers: { ...reading, 200: json('The command.', commandStatus) },
  },
  logs: {
    id: 'openSandboxCommandLogs',
    method: 'GET',
    url: `${execd}/command/:command_id/logs`,
    rateClass: 'list',
    summary: 'What a command has printed since a cursor',
    params: commandParams,
    query: cursorQuery,
    answers: {
      ...reading,
      200: {
        description: 'The text.',
        content: { type: 'text/plain', schema: z.string() },
        headers: { 'EXECD-COMMANDS-TAIL-CURSOR': z.string().describe('For the next question.') },
      },
    },
  },
} satisfies Record<string, Route>;

const filing = errors(403, 408, 413, 415);

/** Files of a sandbox, at any path. */
export const fileRoutes = {
  upload: {
    id: 'openSandboxUpload',
    method: 'POST',
    url: `${execd}/files/upload`,
    rateClass: 'upload',
    summary: 'Write files',
    description: 'Pairs of parts: `metadata`, JSON with the path and the mode, then `file`.',
    params: sandboxParams,
    body: {
      type: 'multipart/form-data',
      schema: z.object({ metadata: z.array(z.string()), file: z.array(z.string()) }),
    },
    answers: { ...filing, ...errors(504), 200: fine('They are there.') },
  },
  download: {
    id: 'openSandboxDownload',
    method: 'GET',
    url: `${execd}/files/download`,
    rateClass: 'download',
    summary: 'The bytes of a file, or some of them',
    params: sandboxParams,
    query: downloadQuery,
    answers: {
      ...filing,
      200: { description: 'All of them.', content: { type: 'application/octet-stream', schema: z.unknown() } },
      206: { description: 'Some of them.', content: { type: 'application/octet-stream', schema: z.unknown() } },
    },
  },
  info: {
    id: 'openSandboxFileInfo',
    method: 'GET',
    url: `${execd}/files/info`,
    rateClass: 'list',
    summary: 'What is known of files, by path',
    params: sandboxParams,
    query: pathsQuery,
    answers: { ...filing, 200: json('All of them.', z.record(z.string(), fileInfo)) },
  },
  delete: {
    id: 'openSandboxDeleteFiles',
    method: 'DELETE',
    url: `${execd}/files`,
    rateClass: 'list',
    summary: 'Remove files',
    params: sandboxParams,
    query: pathsQuery,
    answers: { ...filing, 200: fine('They are gone.') },
  },
  move: {
    id: 'openSandboxMoveFiles',
    method: 'POST',
    url: `${execd}/files/mv`,
    rateClass: 'list',
    summary: 'Move files and directories',
    params: sandboxParams,
    body: jsonBody(moveBody, [{ src: '/home/user/a', dest: '/home/user/b' }]),
    answers: { ...filing, ...errors(409), 200: fine('They are moved.') },
  },
  makeDirectories: {
    id: 'openSandboxMakeDirectories',
    method: 'POST',
    url: `${execd}/directories`,
    rateClass: 'list',
    summary: 'Make directories',
    params: sandboxParams,
    body: jsonBody(directoriesBody, { '/home/user/made': { mode: 755 } }),
    answers: { ...filing, 200: fine('They are there.') },
  },
  deleteDirectories: {
    id: 'openSandboxDeleteDirectories',
    method: 'DELETE',
    url: `${execd}/directories`,
    rateClass: 'list',
    summary: 'Remove directories with all that is in them',
    params: sandboxParams,
    query: pathsQuery,
    answers: { ...filing, 200: fine('They are gone.') },
  },
  listDirectory: {
    id: 'openSandboxListDirectory',
    method: 'GET',
    url: `${execd}/directories/list`,
    rateClass: 'list',
    summary: 'What is in a directory',
    params: sandboxParams,
    query: directoryQuery,
    answers: { ...filing, 200: json('All of it.', z.array(fileInfo)) },
  },
  search: {
    id: 'openSandboxSearchFiles',
    method: 'GET',
    url: `${execd}/files/search`,
    rateClass: 'list',
    summary: 'Files below a directory whose names fit a pattern',
    params: sandboxParams,
    query: searchQuery,
    answers: { ...filing, 200: json('All of them.', z.array(fileInfo)) },
  },
} satisfies Record<string, Route>;
