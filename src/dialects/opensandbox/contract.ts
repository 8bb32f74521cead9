import { z } from 'zod';
import type { Answer, Route } from '../../http/index.ts';
import { prefix } from './address.ts';
import { errors } from './errors.ts';
import {
  codeBody,
  context,
  contextBody,
  contextParams,
  createBody,
  endpoint,
  endpointParams,
  idQuery,
  languageQuery,
  listQuery,
  metadataBody,
  renewBody,
  sandbox,
  sandboxList,
  sandboxParams,
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
