import { z } from 'zod';
import type { Answer, Route } from '../../http/index.ts';
import { envdPort, inside, interpreterPort, prefix } from './address.ts';
import { errors } from './errors.ts';
import {
  connectBody,
  context,
  contextBody,
  contextParams,
  createBody,
  executeBody,
  filesQuery,
  listQuery,
  networkBody,
  pauseBody,
  refreshBody,
  sandbox,
  sandboxDetail,
  sandboxParams,
  timeoutBody,
  writtenFiles,
} from './wire.ts';

const id = '1f0x2kq7m9z3p5r8t6w4y1a2b';
const example = {
  sandboxID: id,
  templateID: 'code-interpreter-v1',
  clientID: 'dragoman',
  envdVersion: '0.6.1',
  envdAccessToken: '…',
  trafficAccessToken: '…',
  domain: 'code.example.org',
  alias: 'code-interpreter-v1',
};
const detailExample = {
  sandboxID: id,
  templateID: 'code-interpreter-v1',
  clientID: 'dragoman',
  alias: 'code-interpreter-v1',
  startedAt: '2026-01-02T03:04:05.000Z',
  endAt: '2026-01-02T03:09:05.000Z',
  cpuCount: 1,
  memoryMB: 512,
  diskSizeMB: 256,
  metadata: {},
  state: 'running',
  envdVersion: '0.6.1',
  allowInternetAccess: false,
};
const json = (description: string, schema: z.ZodType, shown?: unknown): Answer => ({
  description,
  content: { type: 'application/json', schema, ...(shown === undefined ? {} : { example: shown }) },
});
const jsonBody = <S extends z.ZodType>(schema: S, shown: unknown) =>
  ({ type: 'application/json', schema, example: shown }) as const;
const optionalBody = <S extends z.ZodType>(schema: S) =>
  ({ type: 'application/json', schema, optional: true }) as const;
const done = (description: string): Answer => ({ description });
const reading = errors();
const sending = errors(408, 413, 415);
const one = (tail: string) => `${prefix}/sandboxes/:sandbox_id${tail}`;

const create = {
  method: 'POST',
  rateClass: 'exec',
  summary: 'Make a sandbox',
  description:
    'It is a session that ends at a moment of its own. Templates are names for the image of this service. Clients leave `/e2b` out.',
  body: jsonBody(createBody, { templateID: 'code-interpreter-v1', timeout: 300 }),
  answers: { ...sending, 201: json('It runs.', sandbox, example) },
} as const;
const list = {
  method: 'GET',
  rateClass: 'list',
  summary: 'The caller’s sandboxes',
  query: listQuery,
  answers: {
    ...reading,
    200: {
      ...json('A page of them.', z.array(sandboxDetail), [detailExample]),
      headers: { 'x-next-token': z.string() },
    },
  },
} as const;
const connect = {
  method: 'POST',
  rateClass: 'list',
  summary: 'Connect to a sandbox; it ends no earlier than after this time',
  params: sandboxParams,
  body: optionalBody(connectBody),
  answers: {
    ...sending,
    200: json('It runs.', sandbox, example),
    201: json('It was paused and runs again.', sandbox, example),
  },
} as const;

/** The lifecycle of sandboxes. */
export const controlRoutes = {
  create: { ...create, id: 'e2bCreate', url: `${prefix}/v2/sandboxes` },
  createOld: { ...create, id: 'e2bCreateOld', url: `${prefix}/sandboxes` },
  connect: { ...connect, id: 'e2bConnect', url: `${prefix}/v2/sandboxes/:sandbox_id/connect` },
  connectOld: { ...connect, id: 'e2bConnectOld', url: one('/connect') },
  list: { ...list, id: 'e2bList', url: `${prefix}/v2/sandboxes` },
  listOld: { ...list, id: 'e2bListOld', url: `${prefix}/sandboxes` },
  read: {
    id: 'e2bRead',
    method: 'GET',
    url: one(''),
    rateClass: 'list',
    summary: 'What is known of a sandbox',
    params: sandboxParams,
    answers: { ...reading, 200: json('The sandbox.', sandboxDetail, detailExample) },
  },
  delete: {
    id: 'e2bKill',
    method: 'DELETE',
    url: one(''),
    rateClass: 'list',
    summary: 'End a sandbox and remove its files',
    params: sandboxParams,
    answers: { ...reading, 204: done('It is gone.') },
  },
  timeout: {
    id: 'e2bTimeout',
    method: 'POST',
    url: one('/timeout'),
    rateClass: 'list',
    summary: 'Let a sandbox end after so many seconds from now, later or earlier than before',
    params: sandboxParams,
    body: jsonBody(timeoutBody, { timeout: 600 }),
    answers: { ...sending, 204: done('It is set.') },
  },
  refresh: {
    id: 'e2bRefresh',
    method: 'POST',
    url: one('/refreshes'),
    rateClass: 'list',
    summary: 'Let a sandbox end no earlier than after so many seconds',
    params: sandboxParams,
    body: optionalBody(refreshBody),
    answers: { ...sending, 204: done('It is set.') },
  },
  pause: {
    id: 'e2bPause',
    method: 'POST',
    url: one('/pause'),
    rateClass: 'list',
    summary: 'Stop the clock of a sandbox in which nothing runs',
    description: 'With `memory: false` its processes end and its files stay.',
    params: sandboxParams,
    body: optionalBody(pauseBody),
    answers: { ...errors(408, 409, 413, 415), 204: done('It is paused.') },
  },
  resume: {
    ...connect,
    id: 'e2bResume',
    url: one('/resume'),
    summary: 'Resume a paused sandbox',
    answers: { ...errors(408, 409, 413, 415), 201: json('It runs.', sandbox, example) },
  },
  metrics: {
    id: 'e2bMetrics',
    method: 'GET',
    url: one('/metrics'),
    rateClass: 'list',
    summary: 'Measurements of a sandbox: none are kept',
    params: sandboxParams,
    answers: { ...reading, 200: json('None.', z.array(z.unknown()), []) },
  },
  network: {
    id: 'e2bNetwork',
    method: 'PUT',
    url: one('/network'),
    rateClass: 'list',
    summary: 'Deny a sandbox the network, which it does not have',
    params: sandboxParams,
    body: jsonBody(networkBody, { denyOut: ['0.0.0.0/0'] }),
    answers: { ...sending, 204: done('It is denied.') },
  },
} satisfies Record<string, Route>;

const envd = `${inside}/:sandbox_id/${envdPort}`;

/** Commands and files in a sandbox. */
export const envdRoutes = {
  health: {
    id: 'e2bHealth',
    method: 'GET',
    url: `${envd}/health`,
    summary: 'Whether a sandbox can be used',
    params: sandboxParams,
    answers: { ...errors(502), 204: done('It can.') },
    open: true,
  },
} satisfies Record<string, Route>;

/** Files in a sandbox. An address may be signed instead of a token that is sent. */
export const fileRoutes = {
  download: {
    id: 'e2bDownload',
    method: 'GET',
    url: `${envd}/files`,
    rateClass: 'download',
    summary: 'A file of a sandbox, at any path',
    params: sandboxParams,
    query: filesQuery,
    answers: {
      ...errors(403, 502),
      200: { description: 'Its bytes.', content: { type: 'application/octet-stream', schema: z.unknown() } },
    },
  },
  upload: {
    id: 'e2bUpload',
    method: 'POST',
    url: `${envd}/files`,
    rateClass: 'upload',
    summary: 'Write files of a sandbox, at any path',
    description:
      'A form whose files are named by their whole paths, or by `path` where there is one; or the bytes of one file.',
    params: sandboxParams,
    query: filesQuery,
    body: { type: 'multipart/form-data', schema: z.object({ file: z.array(z.string()) }) },
    answers: { ...errors(403, 408, 413, 415, 502, 504, 507), 200: json('They are there.', writtenFiles) },
  },
} satisfies Record<string, Route>;

const interpreter = `${inside}/:sandbox_id/${interpreterPort}`;
const planeReading = errors(502);
const planeSending = errors(408, 413, 415, 502);

/** Code in a sandbox. */
export const interpreterRoutes = {
  health: {
    id: 'e2bInterpreterHealth',
    method: 'GET',
    url: `${interpreter}/health`,
    summary: 'Whether code can be run in a sandbox',
    params: sandboxParams,
    answers: { ...planeReading, 200: json('It can.', z.string(), 'OK') },
    open: true,
  },
  execute: {
    id: 'e2bExecute',
    method: 'POST',
    url: `${interpreter}/execute`,
    rateClass: 'exec',
    summary: 'Run code in a context',
    description:
      'Clients call `/execute` with the headers `E2b-Sandbox-Id` and `E2b-Sandbox-Port`, or at a host name that holds both.',
    params: sandboxParams,
    body: jsonBody(executeBody, { code: 'print(40 + 2)' }),
    answers: {
      ...planeSending,
      501: errors(501)[501]!,
      200: { description: 'One JSON object a line.', content: { type: 'application/x-ndjson', schema: z.string() } },
    },
  },
  createContext: {
    id: 'e2bCreateContext',
    method: 'POST',
    url: `${interpreter}/contexts`,
    rateClass: 'exec',
    summary: 'Make a context with variables of its own',
    params: sandboxParams,
    body: optionalBody(contextBody),
    answers: {
      ...planeSending,
      409: errors(409)[409]!,
      501: errors(501)[501]!,
      200: json('It is there.', context, { id: 'k5Tb2MxWq8RzVd1NfHc7J', language: 'python', cwd: '/home/user' }),
    },
  },
  listContexts: {
    id: 'e2bListContexts',
    method: 'GET',
    url: `${interpreter}/contexts`,
    rateClass: 'list',
    summary: 'The contexts of a sandbox',
    params: sandboxParams,
    answers: { ...planeReading, 200: json('All of them.', z.array(context)) },
  },
  deleteContext: {
    id: 'e2bDeleteContext',
    method: 'DELETE',
    url: `${interpreter}/contexts/:context_id`,
    rateClass: 'list',
    summary: 'End a context',
    params: contextParams,
    answers: { ...planeSending, 200: json('It is gone.', z.null(), null) },
  },
  restartContext: {
    id: 'e2bRestartContext',
    method: 'POST',
    url: `${interpreter}/contexts/:context_id/restart`,
    rateClass: 'list',
    summary: 'Forget the variables of a context',
    params: contextParams,
    answers: { ...planeSending, 200: json('They are gone.', z.null(), null) },
  },
} satisfies Record<string, Route>;
