import { fastify } from 'fastify';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { testAgent } from '../../../../test/support/agent.ts';
import { principalOf } from '../../../../test/support/principals.ts';
import { scriptedService } from '../../../../test/support/scripted-service.ts';
import { ann } from '../../../../test/support/sessions.ts';
import { silent } from '../../../../test/support/silent.ts';
import { type ScriptedUpstream, startUpstream } from '../../../../test/support/upstream.ts';
import { createAssistant } from '../../../assistant/index.ts';
import { DragomanError, newId, type Principal } from '../../../core/index.ts';
import { MemoryEventLog } from '../../../event-log/index.ts';
import { problemOf } from '../../../http/index.ts';
import type { Executions } from '../../../service/index.ts';
import { registerErrorFormat } from '../errors.ts';
import { readEditor } from './editor.ts';
import { messageRoutes } from './routes.ts';

let upstream: ScriptedUpstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => upstream.reset());

/** The routes of messages over the real service, a runner with scripts and a model with scripts. */
function messagesApp({ pauseAfterMs = 60_000, start }: { pauseAfterMs?: number; start?: Executions['start'] } = {}) {
  const service = scriptedService();
  const { sessions, fileService: storedFiles, records } = service;
  const executions: Executions = {
    start: start ?? ((...asked) => service.executions.start(...asked)),
    find: (...asked) => service.executions.find(...asked),
  };
  const agent = testAgent({ executions, baseUrl: upstream.baseUrl });
  const { documents } = records;
  const now = () => service.now;
  const log = new MemoryEventLog<never>({ maxLogs: 1, maxBytes: 1, maxLogBytes: 1, ttlMs: 1 });
  const assistant = createAssistant({
    agent,
    sessions,
    storedFiles,
    documents,
    log,
    retentionMs: 3_600_000,
    logger: silent,
    now,
  });
  const limits = { maxFileBytes: 1000, uploadTimeoutMs: 1000 };
  const context = { assistant, agent, sessions, executions, storedFiles, ...limits, now, problem: problemOf };
  const app = fastify();
  app.decorateRequest('principal', null as unknown as Principal);
  app.addHook('onRequest', async (request) => {
    request.principal = ann;
  });
  registerErrorFormat(app, context);
  messageRoutes(app, context, { editor: readEditor(), pauseAfterMs });
  const tools = [{ type: 'code_execution_20250825', name: 'code_execution' }];
  return {
    app,
    service,
    async create(more: object = {}) {
      const payload = { model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'Go' }], tools, ...more };
      const answer = await app.inject({ method: 'POST', url: '/messages', payload });
      return { status: answer.statusCode, headers: answer.headers, json: answer.json() };
    },
  };
}

const bash = (command: string) => ({ call: 'bash_code_execution', arguments: { command } });
const python = (code: string) => ({ call: 'code_execution', arguments: { code } });

it('pauses between turns when its time is over, and goes on from there', async () => {
  const { create } = messagesApp({ pauseAfterMs: 0 });
  upstream.say([{ text: 'See.' }, python('1')]);
  const first = await create();
  expect(first.json).toMatchObject({
    stop_reason: 'pause_turn',
    container: { id: expect.stringMatching(/^container_/) },
    content: [{ type: 'text' }, { type: 'server_tool_use' }, { type: 'code_execution_tool_result' }],
  });
  upstream.say([{ text: 'Done.' }]);
  const messages = [
    { role: 'user', content: 'Go' },
    { role: 'assistant', content: first.json.content },
  ];
  const forced = { tool_choice: { type: 'any' } };
  const second = await create({ messages, container: first.json.container.id, ...forced });
  expect(second.json).toMatchObject({ stop_reason: 'end_turn', content: [{ type: 'text', text: 'Done.' }] });
  expect(second.json.container.id).toBe(first.json.container.id);
  // The tool was forced once.
  expect(upstream.requests[1]!.body.tool_choice).toBe('auto');
});

it('refuses a container that has expired', async () => {
  const { create, service } = messagesApp();
  upstream.say([python('1')], [{ text: 'Done.' }]);
  const { container } = (await create()).json;
  expect(Date.parse(container.expires_at) - service.now).toBe(20 * 60_000);
  service.now += 24 * 3_600_000 + 1;
  expect(await create({ container: container.id })).toMatchObject({
    status: 400,
    json: { error: { type: 'invalid_request_error', message: expect.stringContaining('has expired') } },
  });
});

it.each([
  ['overloaded', 'too_many_requests'],
  ['sandbox_unavailable', 'unavailable'],
] as const)('tells of code that finds no place (%s), and the model goes on', async (code, told) => {
  const { create } = messagesApp({ start: () => Promise.reject(new DragomanError(code)) });
  upstream.say([bash('ls')], [{ text: 'Later.' }]);
  expect((await create()).json).toMatchObject({
    stop_reason: 'end_turn',
    content: [
      { type: 'server_tool_use', input: { command: 'ls' } },
      { content: { type: 'bash_code_execution_tool_result_error', error_code: told } },
      { text: 'Later.' },
    ],
  });
});

it('forces a tool of ours by its name, in the first turn alone', async () => {
  const { create } = messagesApp();
  upstream.say([bash('ls')], [{ text: 'Done.' }]);
  await create({ tool_choice: { type: 'tool', name: 'bash_code_execution' } });
  expect(upstream.requests.map(({ body }) => body.tool_choice)).toEqual([
    { type: 'function', function: { name: 'bash_code_execution' } },
    'auto',
  ]);
});

it('names a container that is not there as the client sent it', async () => {
  const { create, service } = messagesApp();
  const { id: ofAnother } = await service.sessions.create(principalOf('bob'), {});
  for (const container of [`container_${ofAnother}`, `container_${newId()}`, ofAnother, 'container_none'])
    expect(await create({ container })).toMatchObject({
      status: 404,
      json: { error: { type: 'not_found_error', message: `container: '${container}' was not found.` } },
    });
});

it('says that a body is missing', async () => {
  const { app } = messagesApp();
  for (const url of ['/messages', '/messages/count_tokens']) {
    const answer = await app.inject({ method: 'POST', url });
    expect([answer.statusCode, answer.json().error.message]).toEqual([400, 'The request needs a JSON body.']);
  }
});

it('has no container for a request that runs no code, and keeps one that it names', async () => {
  const { create, service } = messagesApp();
  upstream.always([{ text: 'Done.' }]);
  expect((await create()).json).toMatchObject({ container: null });
  const { id } = await service.sessions.create(ann, {});
  expect((await create({ container: { id: `container_${id}` } })).json.container.id).toBe(`container_${id}`);
  expect((await create({ container: `container_${id}`, tools: undefined })).json.container.id).toBe(`container_${id}`);
  expect(service.runner.submitted).toEqual([]);
});
