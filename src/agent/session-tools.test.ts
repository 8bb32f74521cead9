import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { brief, agentRequest as request, runAgent, testAgent } from '../../test/support/agent.ts';
import { said } from '../../test/support/cell-result.ts';
import { type ScriptedUpstream, startUpstream } from '../../test/support/upstream.ts';
import { DragomanError } from '../core/index.ts';
import type { ExecutionRequest } from '../service/index.ts';
import { playedService } from './fixtures/played-service.ts';
import type { SessionTool } from './index.ts';

/** Tools that work in the session where code runs. */
let upstream: ScriptedUpstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => upstream.reset());

const shell: SessionTool = {
  name: 'shell',
  description: 'A shell.',
  parameters: { type: 'object', properties: { command: { type: 'string' } } },
  streamed: 'command',
  order: ({ command }) =>
    typeof command === 'string' ? { language: 'bash', code: command, asProgram: true } : undefined,
};
const editor: SessionTool = {
  name: 'editor',
  description: 'An editor.',
  parameters: { type: 'object', properties: { path: { type: 'string' } } },
  order: ({ path }) => (typeof path === 'string' ? { language: 'python', code: 'edit', stdin: path } : undefined),
  view: ({ result }) => `viewed ${result.stdout.text}`,
};
const code = { name: 'code_execution', sessionTools: [shell, editor] };
const setup = () => {
  const { executions } = playedService((source) => ({ result: { stdout: said(`ran ${source}\n`) } }));
  const requests: ExecutionRequest[] = [];
  const noted = {
    ...executions,
    start: (...asked: Parameters<typeof executions.start>) => {
      requests.push(asked[1]);
      return executions.start(...asked);
    },
  };
  return { requests, executions: noted, agent: testAgent({ executions: noted, baseUrl: upstream.baseUrl }) };
};
const messagesOf = (number: number) => upstream.requests[number]!.body.messages;

it('are offered by their names, and their calls become executions', async () => {
  const { requests, agent } = setup();
  upstream.say(
    [
      { call: 'shell', arguments: ['{"comma', 'nd": "ls', ' -l"}'], id: 'call_1' },
      { call: 'editor', arguments: { path: 'a.txt' }, id: 'call_2' },
      { call: 'code_execution', arguments: { code: 'x' }, id: 'call_3' },
    ],
    [{ text: 'Done.' }],
  );
  const told = await runAgent(agent, request({}, code));
  expect(brief(told)).toEqual([
    'code_start',
    'code_delta ls -l',
    'code_ready',
    'code_done',
    'code_start',
    'code_ready',
    'code_done',
    'code_start',
    'code_delta x',
    'code_ready',
    'code_done',
    'text Done.',
    'end stop',
  ]);
  expect(told.filter(({ type }) => type === 'code_start')).toMatchObject([{ tool: 'shell' }, { tool: 'editor' }, {}]);
  expect(told.filter(({ type }) => type === 'code_ready')).toMatchObject([
    { code: 'ls -l', input: { command: 'ls -l' } },
    { code: 'edit', input: { path: 'a.txt' } },
    { code: 'x' },
  ]);
  expect(requests).toMatchObject([
    { language: 'bash', code: 'ls -l', asProgram: true },
    { language: 'python', code: 'edit', stdin: 'a.txt' },
    { language: 'python', code: 'x' },
  ]);
  expect(messagesOf(1).slice(-4)).toMatchObject([
    {
      tool_calls: [
        { function: { name: 'shell', arguments: '{"command":"ls -l"}' } },
        { function: { name: 'editor', arguments: '{"path":"a.txt"}' } },
        { function: { name: 'code_execution', arguments: '{"code":"x"}' } },
      ],
    },
    { tool_call_id: 'call_1', content: 'ran ls -l' },
    { tool_call_id: 'call_2', content: 'viewed ran edit\n' },
    { tool_call_id: 'call_3', content: 'ran x' },
  ]);
});

it('are replayed under their names', async () => {
  const { agent } = setup();
  upstream.say([{ text: 'Done.' }]);
  const sessionTool = { name: 'shell', input: { command: 'ls' } };
  const call = { type: 'code_call', callId: 'call_1', code: 'ls', sessionTool, modelView: 'a.txt' } as const;
  const messages = [{ role: 'assistant', content: [call] } as const, { role: 'user', content: [] } as const];
  await runAgent(agent, request({ messages }, code));
  expect(messagesOf(0)).toMatchObject([
    { tool_calls: [{ function: { name: 'shell', arguments: '{"command":"ls"}' } }] },
    { content: 'a.txt' },
    {},
  ]);
});

it('tell of arguments that cannot be used', async () => {
  const { agent, requests } = setup();
  upstream.say(
    [
      { call: 'editor', arguments: { path: 7 } },
      { call: 'shell', arguments: '{"command": 7}' },
    ],
    [{ text: 'Done.' }],
  );
  const told = await runAgent(agent, request({}, code));
  expect(brief(told)).toEqual(['code_refused', 'code_refused', 'text Done.', 'end stop']);
  expect(told.slice(0, 2)).toMatchObject([
    { tool: 'editor', error: { code: 'invalid_request' } },
    { tool: 'shell', error: { code: 'invalid_request' } },
  ]);
  expect(requests).toEqual([]);
});

it.each([true, false])('go on without a place to run, where the request says so: %s', async (goesOnWithout) => {
  const { agent, executions } = setup();
  executions.start = async () => {
    throw new DragomanError('overloaded');
  };
  upstream.say([{ call: 'shell', arguments: { command: 'ls' } }], [{ text: 'Later.' }]);
  const told = await runAgent(agent, request({}, { ...code, goesOnWithout }));
  const rest = goesOnWithout ? ['code_refused', 'text Later.', 'end stop'] : ['end failed'];
  expect(brief(told)).toEqual(['code_start', 'code_delta ls', 'code_ready', ...rest]);
  if (goesOnWithout) expect(messagesOf(1).at(-1).content).toBe('Not run: No capacity is free at the moment.');
});

it('tell of calls beyond what one request may make', async () => {
  const { agent, requests } = setup();
  const call = (command: string) => ({ call: 'shell', arguments: { command } });
  upstream.say([call('a'), call('b')], [{ text: 'Enough.' }]);
  const told = await runAgent(agent, request({}, { ...code, maxCalls: 1 }));
  expect(brief(told).slice(-4)).toEqual(['code_done', 'code_refused', 'text Enough.', 'end stop']);
  expect(requests.length).toBe(1);
});

it('pauses between turns when the time is over', async () => {
  const { agent } = setup();
  upstream.say([{ call: 'shell', arguments: { command: 'ls' } }]);
  const told = await runAgent(agent, request({ pauseAfterMs: 0 }, code));
  expect(brief(told).slice(-2)).toEqual(['code_done', 'end paused']);
});

it('notes images for a model that cannot see, where the request says so', async () => {
  const { agent } = setup();
  upstream.always([{ text: 'Done.' }]);
  const content = [{ type: 'image', mime: 'image/png', data: 'AAAA' }] as const;
  const messages = [{ role: 'user', content }] as const;
  await runAgent(agent, request({ messages, notesUnseenImages: true }));
  await runAgent(agent, request({ messages }));
  expect(JSON.stringify(messagesOf(0))).toContain('not shown to this model');
  expect(JSON.stringify(messagesOf(1))).toContain('AAAA');
});
