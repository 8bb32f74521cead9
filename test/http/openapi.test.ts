import { Validator } from '@seriousme/openapi-schema-validator';
import fc from 'fast-check';
import type { FastifyContextConfig } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDialects } from '../../src/dialects/index.ts';
import { allowedBy, broken } from '../support/arbitrary.ts';
import { idleServices, serve } from '../support/http.ts';
import {
  type Content,
  type DescribedOperation,
  OpenApi,
  type OpenApiObject,
  type Parameter,
} from '../support/openapi.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts';

describe('the document', () => {
  const load = async () => {
    const { app } = serve({ dialects: createDialects(idleServices()) });
    const mounted: { route: string; config: FastifyContextConfig | undefined }[] = [];
    app.addHook('onRoute', ({ method, url, config, constraints }) => {
      // One address can be a route of several dialects.
      const { dialect } = (constraints ?? {}) as { dialect?: string };
      const shown = dialect === undefined ? url : `${url}#${dialect}`;
      for (const name of [method].flat())
        if (name !== 'HEAD') mounted.push({ route: `${name.toLowerCase()} ${shown}`, config });
    });
    const { headers, body } = await app.inject('/openapi.json');
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    // A dialect may say it of all its routes, after this hook.
    const routes = mounted.flatMap(({ route, config }) => (config?.isUndescribed ? [] : [route]));
    return { routes, openapi: new OpenApi(JSON.parse(body)) };
  };

  it('is valid OpenAPI', async () => {
    const { openapi } = await load();
    const { valid, errors } = await new Validator().validate(structuredClone(openapi.document) as never);
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it('describes every route that is served, and no other', async () => {
    const { routes, openapi } = await load();
    const described = openapi.operations.map(
      ({ method, path }) => `${method} ${path.replace(/\{path\}$/, '*').replaceAll(/\{(\w+)\}/g, ':$1')}`,
    );
    // The operators' routes are there before anybody can watch.
    const early = ['/openapi.json', '/health', '/languages', '/metrics'].map((path) => `get ${path}`);
    expect(described.toSorted()).toEqual([...routes, ...early].toSorted());
    expect(new Set(openapi.operations.map(({ operation }) => operation.operationId)).size).toBe(
      openapi.operations.length,
    );
  });

  it('has examples that match', async () => {
    const { openapi } = await load();
    const contents = openapi.operations.flatMap(({ operation }) => [
      ...Object.values(operation.requestBody?.content ?? {}),
      ...Object.values(operation.responses).flatMap(({ content }) => Object.values(content ?? {})),
    ]);
    const examples = contents.filter((content) => 'example' in content);
    expect(examples.length).toBeGreaterThan(8);
    for (const { schema, example } of examples) expect(openapi.mismatch(schema, example)).toBeUndefined();
  });
});

interface Request {
  readonly path: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly header: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

/** Requests of each operation. FUZZ_RUNS=<number> makes more. */
const fuzzRuns = Number(process.env.FUZZ_RUNS ?? 40);

/** Headers by which a dialect knows its clients. */
const claiming = (dialect: string | undefined): Record<string, string> =>
  dialect === 'anthropic' ? { 'anthropic-version': '2023-06-01' } : {};

const programs = fc.constantFrom(
  { lang: 'py', code: 'print(6 * 7)' },
  { lang: 'bash', code: 'echo a > a.txt; exit 3' },
  { lang: 'bash', code: 'cat *.txt; rm -f kept.txt; head -c 300000 /dev/zero' },
  { lang: 'bash', code: 'kill -9 $$' },
  { lang: 'py', code: 'open("b.txt", "w").write("b")\nraise ValueError("no")' },
);

/** Requests made from the document, right and slightly wrong, get answers that the document promises. */
describe('the server keeps to the document', async () => {
  let server: TestServer;
  let upstream: ScriptedUpstream;
  let openapi: OpenApi;
  /** Parameters by name, so that some requests name what exists. */
  const existing: Record<string, string> = {};
  /** Makes what an operation has removed anew. */
  const renew: Readonly<Record<string, () => Promise<void>>> = {
    delete: store,
    deleteObject: store,
    deleteFile: storeFile,
    deleteMessageFile: storeMessageFile,
    deleteResponse: storeResponse,
    deleteContainer: makeContainer,
    deleteContainerFile: makeContainer,
    deleteAssistant: makeAssistant,
    deleteConversation: converse,
    deleteConversationItem: converse,
    // Some of its programs remove the file.
    executeInSession: begin,
    deleteSession: begin,
    deleteSessionFile: begin,
    deleteCommand: command,
    deleteKernel: begin,
    deleteChat: makeChat,
    mcpEnd: openMcp,
    revokeKey: makeKey,
  };
  /** What succeeds only when something else goes on at the same time. */
  const lonely = new Set([
    'answerToolCalls',
    'answerSessionToolCalls',
    'cancelProgrammatic',
    'openTerminal',
    'signIn',
    'createShare',
    'listShares',
    'endShare',
    'mcpListen',
    'mcpDownload',
    'endExecution',
  ]);
  /** Their answers do not end. */
  const endless = new Set(['watchSession', 'watchSandboxFiles']);

  const names = [
    'exec',
    'execProgrammatic',
    'cancelProgrammatic',
    'upload',
    'uploadBatch',
    'download',
    'object',
    'list',
    'delete',
    'deleteObject',
    'createFile',
    'listFiles',
    'getFile',
    'fileContent',
    'deleteFile',
    'createResponse',
    'getResponse',
    'deleteResponse',
    'cancelResponse',
    'listInputItems',
    'countInputTokens',
    'compactResponse',
    'createConversation',
    'getConversation',
    'updateConversation',
    'deleteConversation',
    'addConversationItems',
    'listConversationItems',
    'getConversationItem',
    'deleteConversationItem',
    'createContainer',
    'listContainers',
    'getContainer',
    'deleteContainer',
    'addContainerFile',
    'listContainerFiles',
    'getContainerFile',
    'containerFileContent',
    'deleteContainerFile',
    'listModels',
    'getModel',
    'createMessage',
    'countMessageTokens',
    'uploadMessageFile',
    'listMessageFiles',
    'getMessageFile',
    'messageFileContent',
    'deleteMessageFile',
    'listMessageModels',
    'getMessageModel',
    'createChatCompletion',
    'createModelResponse',
    'createAssistant',
    'listAssistants',
    'getAssistant',
    'updateAssistant',
    'deleteAssistant',
    'createSession',
    'listSessions',
    'readSession',
    'readState',
    'saveState',
    'discardState',
    'changeSession',
    'deleteSession',
    'interruptSession',
    'restartSession',
    'forkSession',
    'readNotebook',
    'createKernel',
    'listKernels',
    'readKernel',
    'restartKernel',
    'deleteKernel',
    'startCommand',
    'openTerminal',
    'listCommands',
    'readCommand',
    'writeCommand',
    'signalCommand',
    'resizeCommand',
    'deleteCommand',
    'statSandboxFile',
    'listSandboxFiles',
    'readSandboxFile',
    'writeSandboxFile',
    'makeSandboxDirectory',
    'moveSandboxFile',
    'removeSandboxFile',
    'watchSandboxFiles',
    'completeCode',
    'isCodeComplete',
    'execute',
    'jupyterVersion',
    'jupyterHomeVersion',
    'executeInSession',
    'readExecution',
    'readSessionExecution',
    'answerToolCalls',
    'answerSessionToolCalls',
    'cancelExecution',
    'cancelSessionExecution',
    'listSessionFiles',
    'copySessionFile',
    'readSessionFile',
    'writeSessionFile',
    'deleteSessionFile',
    'readArchive',
    'readNotebookDocument',
    'writeNotebookDocument',
    'watchSession',
    'inspectCode',
    'listVariables',
    'createShare',
    'listShares',
    'endShare',
    'listChats',
    'createChat',
    'readChat',
    'writeChat',
    'deleteChat',
    'mcpSend',
    'mcpListen',
    'mcpEnd',
    'mcpPreflight',
    'mcpDownload',
    'readUsage',
    'readOverview',
    'listAllExecutions',
    'endExecution',
    'listAllSessions',
    'releaseSession',
    'listKeys',
    'createKey',
    'updateKey',
    'revokeKey',
    'readAllUsage',
    'readStorage',
    'listErrors',
    'examineHost',
    'signIn',
    'signOut',
    'whoAmI',
    'health',
    'listLanguages',
    'describe',
    'metrics',
  ];

  beforeAll(async () => {
    upstream = await startUpstream();
    upstream.always([{ text: 'Hello.' }]);
    server = await startServer({
      env: {
        DRAGOMAN_RATE_LIMITS: 'off',
        DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
        DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
        DRAGOMAN_UPSTREAM_MODEL: 'scripted-model',
      },
    });
    existing.model = 'scripted-model';
    openapi = new OpenApi((await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApiObject);
    for (const make of Object.values(renew)) await make();
  });
  afterAll(async () => {
    await server?.stop();
    await upstream?.close();
  });

  async function store() {
    const { session_id: sid, files } = (await post('/upload')) as { session_id: string; files: { id: string }[] };
    Object.assign(existing, { sid, fid: files[0]!.id });
  }

  async function storeFile() {
    const { id } = (await post('/files', { purpose: 'user_data' })) as { id: string };
    Object.assign(existing, { file: id, suffix: id.replace('file-', '') });
  }

  /** One that code made: uploads cannot be fetched. */
  async function storeMessageFile() {
    const code = 'open("kept.txt", "w").write("kept")';
    upstream.say([{ call: 'code_execution', arguments: { code } }]);
    const { content } = await postJson('/messages', {
      model: 'scripted-model',
      max_tokens: 100,
      messages: [{ role: 'user', content: 'Hi' }],
      tools: [{ type: 'code_execution_20250825', name: 'code_execution' }],
    });
    Object.assign(existing, { file_id: content![1]!.content.content[0]!.file_id });
  }

  /** In the background, so that it can be cancelled. */
  async function storeResponse() {
    const { id } = await postJson('/responses', { input: 'Hi', background: true });
    Object.assign(existing, { response_id: id });
  }

  async function makeContainer() {
    const { id } = await postJson('/containers', { name: 'kept' });
    const file = (await post(`/containers/${id}/files`)) as { id: string };
    Object.assign(existing, { container: id, cfile: file.id });
  }

  async function makeAssistant() {
    const { id } = await postJson('/assistants', { model: 'scripted-model' });
    Object.assign(existing, { assistant: id });
  }

  async function converse() {
    const { id } = await postJson('/conversations', {});
    const items = await postJson(`/conversations/${id}/items`, { items: [{ role: 'user', content: 'Hi' }] });
    Object.assign(existing, { conversation_id: id, item_id: (items as unknown as { first_id: string }).first_id });
  }

  async function makeChat() {
    const { id } = await postJson('/chats', { title: 'kept', code: true, turns: [] });
    Object.assign(existing, { chat_id: id });
  }

  async function makeKey() {
    const { id } = await postJson('/admin/keys', { name: `kept-${Math.random().toString(36).slice(2)}` });
    Object.assign(existing, { key_id: id });
  }

  async function openMcp() {
    const params = { protocolVersion: '2025-11-25', capabilities: {} };
    const response = await fetch(`${server.url}/mcp`, {
      method: 'POST',
      headers: { 'x-api-key': server.key, 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
    });
    Object.assign(existing, { 'mcp-session-id': response.headers.get('mcp-session-id') });
  }

  interface Posted {
    readonly id: string;
    readonly content?: readonly { readonly content: { readonly content: readonly { readonly file_id: string }[] } }[];
  }

  async function postJson(path: string, body: object): Promise<Posted> {
    const headers = { 'x-api-key': server.key, 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    return (await fetch(server.url + path, init)).json() as Promise<Posted>;
  }

  async function begin() {
    const { id } = await json('/sessions', {});
    const cell = { language: 'bash', code: 'echo said; echo kept > kept.txt' };
    const { id: execution } = await json(`/sessions/${id}/executions`, cell);
    const { id: kernel } = await json(`/sessions/${id}/kernels`, { language: 'bash' });
    Object.assign(existing, { session_id: id, execution_id: execution, path: 'kept.txt', kernel_id: kernel });
    await command();
  }

  /** Where the command is that runs; one at a time. */
  let commandAt: string | undefined;

  async function command() {
    const started = { argv: ['sleep', '600'], terminal: { columns: 80, rows: 24 } };
    const headers = { 'x-api-key': server.key };
    if (commandAt !== undefined) await fetch(server.url + commandAt, { method: 'DELETE', headers });
    const { id } = await json(`/sessions/${existing.session_id}/commands`, started);
    commandAt = `/sessions/${existing.session_id}/commands/${id}`;
    Object.assign(existing, { command_id: id });
  }

  async function json(path: string, body: object) {
    const headers = { 'x-api-key': server.key, 'content-type': 'application/json' };
    const response = await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return (await response.json()) as { id: string };
  }

  async function post(path: string, fields: Readonly<Record<string, string>> = {}) {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append('file', new Blob(['kept']), 'kept.txt');
    const response = await fetch(server.url + path, { method: 'POST', headers: { 'x-api-key': server.key }, body });
    return response.json();
  }

  type How = 'existing' | 'valid' | 'wrong';

  /** Parameters: those of what exists, any that the schema allows, or anything. */
  function fields({ operation }: DescribedOperation, place: Parameter['in'], how: How) {
    const all = (operation.parameters ?? []).filter((parameter) => parameter.in === place);
    const values = all.map(({ name, schema }) => {
      const allowed = allowedBy(schema, openapi.resolve);
      if (how === 'wrong') return [name, fc.oneof(allowed, fc.string({ minLength: 1 }))];
      return [name, how === 'existing' && name in existing ? fc.constant(existing[name]) : allowed];
    });
    return fc.record(Object.fromEntries(values), {
      requiredKeys: all.filter(({ required }) => required).map(({ name }) => name),
    }) as fc.Arbitrary<Record<string, unknown>>;
  }

  function request(described: DescribedOperation): fc.Arbitrary<Request> {
    const { requestBody, operationId } = described.operation;
    const [content] = Object.values(requestBody?.content ?? {});
    const body = content ? meaningful(operationId, content) : fc.constant(undefined);
    return fc
      .tuple(fc.constantFrom<How>('existing', 'valid', 'wrong'), fc.boolean(), fc.boolean())
      .chain(([how, plain, wrongBody]) =>
        fc.record({
          path: fields(described, 'path', how),
          query: plain ? fc.constant({}) : fields(described, 'query', how),
          header: plain ? fc.constant({}) : fields(described, 'header', how),
          body: wrongBody && content ? broken(body) : body,
        }),
      );
  }

  /** Most random programs end at their first line, and most random requests at their first field; these go further. */
  function meaningful(id: string, { schema, example }: Content): fc.Arbitrary<unknown> {
    const any = allowedBy(schema, openapi.resolve) as fc.Arbitrary<Record<string, unknown>>;
    if (id === 'addContainerFile') return fc.oneof(any, fc.constant({ file_id: existing.file }));
    const cells = ['execute', 'executeInSession'];
    if (cells.includes(id)) {
      const cell = programs.map(({ lang, ...program }) => ({ language: lang, ...program, timeout_ms: 5000 }));
      return fc.oneof(any, cell);
    }
    if (id === 'copySessionFile') {
      const { sid: session_id, fid } = existing;
      return fc.oneof(any, fc.constant({ session_id, id: fid, path: 'copy.txt' }));
    }
    if (id !== 'exec') return example === undefined ? any : fc.oneof(any, fc.constant(example));
    const input = { id: existing.fid, name: 'kept.txt', storage_session_id: existing.sid };
    const files = fc.constantFrom(undefined, [input], [input, { ...input, name: 'dir/again.txt' }]);
    return fc.oneof(
      any,
      fc
        .tuple(any, programs, files)
        .map(([whole, program, refs]) => ({ ...whole, ...program, files: refs, timeout: 5000 })),
    );
  }

  async function send(
    { method, path, operation }: DescribedOperation,
    prefix: string,
    { path: params, query, header, body }: Request,
  ) {
    const [address = '', dialect] = path.split('#');
    const target = address.replaceAll(/\{(\w+)\}/g, (_, name) =>
      encodeURIComponent(String(params[name]).toWellFormed()),
    );
    const search = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const headers = new Headers(claiming(dialect));
    if (!operation.security) headers.set('x-api-key', server.key);
    for (const [name, value] of Object.entries(header))
      headers.set(name, String(value).replaceAll(/[^\x20-\x7e]/g, '?'));
    const init: RequestInit = { method: method.toUpperCase(), headers };
    const [type] = Object.keys(operation.requestBody?.content ?? {});
    if (type === 'multipart/form-data') init.body = form(body);
    else if (type !== undefined) {
      headers.set('content-type', type);
      init.body = JSON.stringify(body) ?? '';
    }
    const response = await fetch(`${server.url}${prefix}${target}?${search}`, init);
    return { status: response.status, type: response.headers.get('content-type') ?? '', text: await response.text() };
  }

  function form(body: unknown): FormData {
    const made = new FormData();
    const entries =
      typeof body === 'object' && body !== null ? Object.entries(body) : ([['kind', body]] as [string, unknown][]);
    for (const [name, value] of entries) {
      if (!Array.isArray(value)) made.append(name, typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
      else
        for (const content of value)
          made.append(name, new Blob([String(content)]), `${String(content).slice(0, 8)}.txt`);
    }
    return made;
  }

  it('of which these are the operations', () => {
    expect(openapi.operations.map(({ operation }) => operation.operationId).toSorted()).toEqual(names.toSorted());
  });

  it.each(names.filter((name) => !endless.has(name)))('%s', async (name) => {
    const described = openapi.operations.find(({ operation }) => operation.operationId === name)!;
    const seen = new Set<number>();
    let last: Promise<void> | undefined;
    // An examination takes longer than all requests may together; within a minute it is the answer to the next ones.
    if (name === 'examineHost') await fetch(`${server.url}/admin/doctor`, { headers: { 'x-api-key': server.key } });
    await fc.assert(
      fc.asyncProperty(request(described), fc.constantFrom(...described.prefixes), (sent, prefix) => {
        last = (async () => {
          const { status, type, text } = await send(described, prefix, sent);
          seen.add(status);
          if (status < 300) await renew[name]?.();
          expect(openapi.fault(described, status, type, text)).toBeUndefined();
          expect(status).not.toBe(500);
        })();
        return last;
      }),
      { numRuns: fuzzRuns, interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
    );
    // At the time limit one request is still under way, and what it removes has to be there again for the next operation.
    await last;
    if (!lonely.has(name)) expect([...seen].some((status) => status < 300)).toBe(true);
  });

  it('also for a request with no credential, or with two', async () => {
    for (const described of openapi.operations) {
      const { path, method } = described;
      const url = server.url + described.prefixes[0]! + path.replaceAll(/\{\w+\}/g, 'x'.repeat(21));
      for (const credentials of [{}, { 'x-api-key': 'a', 'api-key': 'b' }] as Record<string, string>[]) {
        const headers = { ...credentials, ...claiming(path.split('#')[1]) };
        const response = await fetch(url, { method: method.toUpperCase(), headers });
        const type = response.headers.get('content-type') ?? '';
        expect(openapi.fault(described, response.status, type, await response.text())).toBeUndefined();
      }
    }
  });
});
