import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  brief,
  agentRequest as request,
  runAgent,
  type TestAgentOptions,
  testAgent,
} from '../../test/support/agent.ts';
import { said } from '../../test/support/cell-result.ts';
import { ann } from '../../test/support/sessions.ts';
import { type ScriptedUpstream, type Step, startUpstream } from '../../test/support/upstream.ts';
import { type Played, playedService } from './fixtures/played-service.ts';
import type { AgentEvent, AgentRequest, FunctionTool, Message } from './index.ts';

let upstream: ScriptedUpstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => upstream.reset());

const weather: FunctionTool = { name: 'weather', description: 'Tells the weather.', parameters: { type: 'object' } };

interface Setup extends Omit<TestAgentOptions, 'executions' | 'baseUrl'> {
  readonly play?: (code: string) => Played;
}

function setup({ play = (code) => ({ result: { stdout: said(`ran ${code}\n`) } }), ...more }: Setup = {}) {
  const service = playedService(play);
  return { ...service, agent: testAgent({ executions: service.executions, baseUrl: upstream.baseUrl, ...more }) };
}

const run = (made: ReturnType<typeof setup>, asked: AgentRequest) => runAgent(made.agent, asked);

const messagesOf = (number: number) => upstream.requests[number]!.body.messages;
const toolsOf = (number: number): string[] =>
  (upstream.requests[number]!.body.tools ?? []).map((tool: { function: { name: string } }) => tool.function.name);

describe('code', () => {
  it('is told as it is written, run, and shown to the model', async () => {
    const events = [{ type: 'stdout', data: Buffer.from('42') }] as const;
    const made = setup({ play: () => ({ events, result: { stdout: said('42\n') } }) });
    upstream.say([{ text: 'Let me see.' }, { python: 'print(6 * 7)', id: 'call_1' }], [{ text: ['It is ', '42.'] }]);
    const told = await run(made, request());
    expect(brief(told)).toEqual([
      'text Let me see.',
      'code_start',
      'code_delta print(6 * 7)',
      'code_ready',
      'code_output',
      'code_done',
      'text It is 42.',
      'end stop',
    ]);
    expect(told.filter(({ type }) => type === 'code_delta').length).toBeGreaterThan(1);
    expect(told.find(({ type }) => type === 'code_ready')).toEqual({
      type: 'code_ready',
      callId: 'call_1',
      code: 'print(6 * 7)',
      sessionId: 'session-1',
    });
    expect(told.find(({ type }) => type === 'code_done')).toMatchObject({ callId: 'call_1', modelView: '42' });
    expect(told.at(-1)).toMatchObject({ usage: { inputTokens: 20, outputTokens: 10 }, model: 'm' });
    expect(messagesOf(1).slice(1)).toEqual([
      {
        role: 'assistant',
        content: 'Let me see.',
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'python', arguments: '{"code":"print(6 * 7)"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_1', content: '42' },
    ]);
    expect(made.jobs).toMatchObject([{ language: 'python', code: 'print(6 * 7)', mode: 'cell', tools: null }]);
    expect(await made.sessionOf(made.jobs[0]!)).toBe('session-1');
  });

  it('is described to the model', async () => {
    upstream.say([{ text: 'x' }]);
    await run(setup(), request({}, { files: ['a.csv'], wallMs: 2500 }));
    const [{ function: tool }] = upstream.requests[0]!.body.tools;
    expect(tool).toMatchObject({ name: 'python', parameters: { required: ['code'] } });
    for (const told of ['/mnt/data/a.csv', '(sandbox:/mnt/data/name)', '2.5 seconds', 'no network'])
      expect(tool.description).toContain(told);
    expect(upstream.requests[0]!.body.tool_choice).toBe('auto');
  });

  it('runs one piece after another, in one session, in the order it was written', async () => {
    const made = setup();
    let executions = 0;
    upstream.say(
      [
        { python: 'one', id: 'a' },
        { python: 'two', id: 'b' },
      ],
      [{ text: 'done' }],
    );
    const told = await run(made, request({}, { session: async () => `session-${++executions}` }));
    expect(brief(told).join()).toBe(
      'code_start,code_delta one,code_ready,code_done,code_start,code_delta two,code_ready,code_done,text done,end stop',
    );
    expect(made.played.most).toBe(1);
    expect(await Promise.all(made.jobs.map(made.sessionOf))).toEqual(['session-1', 'session-1']);
    expect(messagesOf(1).slice(-2)).toEqual([
      { role: 'tool', tool_call_id: 'a', content: 'ran one' },
      { role: 'tool', tool_call_id: 'b', content: 'ran two' },
    ]);
  });

  it('gets an id of its own when a provider uses one again', async () => {
    upstream.say([{ python: 'one', id: 'call_0' }], [{ python: 'two', id: 'call_0' }], [{ text: 'done' }]);
    const ids = (await run(setup(), request())).flatMap((event) => (event.type === 'code_start' ? [event.callId] : []));
    expect(new Set(ids).size).toBe(2);
    const [, , , second, result] = messagesOf(2);
    expect(second.tool_calls[0].id).toBe(ids[1]);
    expect(result.tool_call_id).toBe(ids[1]);
  });

  it('may come without an id, with the wrong end, under another name, and as no JSON', async () => {
    const made = setup();
    upstream.say(
      [{ call: 'code_interpreter', arguments: ['```python\nprint', '(1)\n```'], id: null }, { finish: 'stop' }],
      [{ text: 'done' }],
    );
    expect(brief(await run(made, request()))).toContain('code_delta print(1)');
    expect(made.jobs[0]!.code).toBe('print(1)');
  });

  it('is not run when it was cut off', async () => {
    const made = setup();
    upstream.say([{ call: 'python', arguments: '{"code":"import shutil' }, { finish: 'length' }]);
    expect(brief(await run(made, request())).at(-1)).toBe('end length');
    expect(made.jobs).toEqual([]);
  });

  it('is named otherwise when the client has a python of its own', async () => {
    upstream.say([{ call: 'run_python', arguments: { code: '1' } }], [{ call: 'python', arguments: { x: 1 } }]);
    const told = await run(setup(), request({ functions: [{ ...weather, name: 'python' }] }));
    expect(toolsOf(0)).toEqual(['python', 'run_python']);
    expect(brief(told).at(-2)).toBe('function_call {"x":1}');
  });
});

/** What the model thought stands before what it said, and both before the call, in the form its provider has for it. */
const thoughtBefore = {
  'openai-compatible': /"role":"assistant","content":"Look:"/,
  openai: /sealed hm.*Look:.*"call_id":"f"/,
  anthropic: /"thinking":"hm","signature":"scripted".*Look:.*"tool_use","id":"f"/,
  google: /Look:.*"weather".*"thoughtSignature":"signed"/,
};

describe.each(['openai-compatible', 'openai', 'anthropic', 'google'] as const)('a model of %s', (provider) => {
  it('gets through thinking, code and its result to an answer', async () => {
    const made = setup({ provider: { provider } });
    upstream.say([{ reasoning: 'hm' }, { text: 'Look:' }, { python: 'print(1)', id: 'call_1' }], [{ text: 'One.' }]);
    const told = await run(made, request({ functions: [weather] }));
    expect(brief(told)).toEqual([
      'reasoning hm',
      'text Look:',
      'code_start',
      'code_delta print(1)',
      'code_ready',
      'code_done',
      'text One.',
      'end stop',
    ]);
    expect(JSON.stringify(upstream.requests[1]!.body)).toContain('ran print(1)');
  });

  it('gets back what it thought and signed when the client has run its function', async () => {
    const made = setup({ provider: { provider } });
    upstream.say(
      [{ python: '1', id: 'c' }],
      [{ reasoning: 'hm' }, { text: 'Look:' }, { call: 'weather', arguments: {}, id: 'f' }],
    );
    const told = await run(made, request({ functions: [weather] }));
    const { providerStates } = told.at(-1) as Extract<AgentEvent, { type: 'end' }>;
    upstream.say([{ text: 'Sunny.' }]);
    const messages: Message[] = [
      ...request().messages,
      {
        role: 'assistant',
        content: [
          { type: 'code_call', callId: 'c', code: '1', modelView: 'one', providerState: providerStates?.c },
          { type: 'reasoning', text: 'hm' },
          { type: 'text', text: 'Look:' },
          { type: 'function_call', callId: 'f', name: 'weather', arguments: '{}', providerState: providerStates?.f },
        ],
      },
      { role: 'tool', callId: 'f', content: [{ type: 'text', text: 'sun' }] },
    ];
    await run(made, request({ functions: [weather], messages }));
    expect(JSON.stringify(upstream.requests[2]!.body)).toMatch(thoughtBefore[provider]);
    // A new question begins anew.
    upstream.say([{ text: 'Yes.' }]);
    await run(made, request({ functions: [weather], messages: [...messages, ...request().messages] }));
    expect(JSON.stringify(upstream.requests[3]!.body)).not.toMatch(/scripted"|sealed|"signed"/);
  });

  it('is asked without the tool in the end', async () => {
    upstream.say([{ python: '1' }], [{ text: 'One.' }]);
    const told = await run(setup({ provider: { provider }, maxCalls: 1 }), request());
    expect(brief(told).slice(-2)).toEqual(['text One.', 'end stop']);
  });

  it('goes on without any tools from what was called with some', async () => {
    upstream.say([{ text: 'x' }]);
    const messages: Message[] = [
      ...request().messages,
      {
        role: 'assistant',
        content: [
          { type: 'code_call', callId: 'c', code: '1', modelView: 'one' },
          { type: 'function_call', callId: 'f', name: 'weather', arguments: '{}' },
        ],
      },
      { role: 'tool', callId: 'f', content: [{ type: 'text', text: 'sun' }] },
      ...request().messages,
    ];
    await run(setup({ provider: { provider } }), request({ code: undefined, messages }));
    const { tools, tool_choice } = upstream.requests[0]!.body;
    // Anthropic takes no calls of tools it does not know.
    if (provider === 'anthropic') {
      expect(tools).toMatchObject([{ name: 'python' }, { name: 'weather' }]);
      expect(tool_choice).toMatchObject({ type: 'none' });
    } else expect(tools).toBeUndefined();
  });

  it('is told what a later system message says', async () => {
    upstream.say([{ text: 'x' }]);
    const say = (role: 'system' | 'user', text: string) => ({ role, content: [{ type: 'text' as const, text }] });
    const messages = [say('system', 'first rule'), say('user', 'hi'), say('system', 'second rule')];
    await run(setup({ provider: { provider } }), request({ messages }));
    for (const rule of ['first rule', 'second rule'])
      expect(JSON.stringify(upstream.requests[0]!.body)).toContain(rule);
  });
});

describe('functions of the client', () => {
  it('end the loop', async () => {
    upstream.say([{ call: 'weather', arguments: ['{"city":', '"Oslo"}'], id: 'f' }]);
    const told = await run(setup(), request({ functions: [weather] }));
    expect(brief(told)).toEqual([
      'function_start',
      'function_delta {"city":"Oslo"}',
      'function_call {"city":"Oslo"}',
      'end functions',
    ]);
  });

  it('are told after the code of the same turn has run', async () => {
    const call: Step = { call: 'weather', arguments: {}, id: 'f' };
    upstream.say([{ python: '1', id: 'c' }, call, { text: 'then' }]);
    expect(brief(await run(setup(), request({ functions: [weather] })))).toEqual([
      'code_start',
      'code_delta 1',
      'code_ready',
      'code_done',
      'function_start',
      'function_delta {}',
      'function_call {}',
      'text then',
      'end functions',
    ]);
  });

  it('get arguments that are JSON', async () => {
    upstream.say([{ call: 'weather', arguments: '' }]);
    expect(brief(await run(setup(), request({ functions: [weather] })))).toContain('function_call {}');
  });

  it('are passed on as they are when there is no code tool', async () => {
    upstream.say([{ call: 'anything', arguments: '{broken', id: 'f' }]);
    const told = await run(setup(), request({ code: undefined, functions: [weather] }));
    expect(brief(told)).toEqual(['function_start', 'function_delta {broken', 'function_call {broken', 'end functions']);
    expect(toolsOf(0)).toEqual(['weather']);
  });

  it.each([
    ['code that was not offered', request({ toolChoice: 'none', functions: [weather] }), 'python'],
    ['code where there is no tool for it', request({ code: undefined, functions: [weather] }), 'python'],
    ['anything where there are none', request({ code: undefined }), 'anything'],
  ])('are not made up of %s', async (_, asked, name) => {
    upstream.say([{ call: name, arguments: { code: '1' } }], [{ text: 'Without, then.' }]);
    expect(brief(await run(setup(), asked))).toEqual(['text Without, then.', 'end stop']);
    expect(messagesOf(1).at(-1).content).toContain(`There is no tool "${name}".`);
  });

  it('come back with their results, and with the code that ran beside them', async () => {
    upstream.say([{ text: 'x' }]);
    await run(
      setup(),
      request({
        functions: [weather],
        messages: [
          { role: 'system', content: [{ type: 'text', text: 'be brief' }] },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'hi' },
              { type: 'image_url', url: 'https://example.org/a.png' },
            ],
          },
          {
            role: 'assistant',
            content: [
              { type: 'text', text: 'first' },
              { type: 'code_call', callId: 'c', code: '1', modelView: 'one' },
              { type: 'function_call', callId: 'f', name: 'weather', arguments: '{"a":1}' },
            ],
          },
          { role: 'tool', callId: 'f', content: [{ type: 'text', text: 'sunny' }] },
          {
            role: 'assistant',
            content: [
              { type: 'code_call', callId: 'd', code: '2', modelView: 'two' },
              { type: 'code_call', callId: 'e', code: '3', modelView: 'three' },
              { type: 'text', text: 'last' },
            ],
          },
        ],
      }),
    );
    const said = messagesOf(0).map(({ role, content, tool_calls, tool_call_id }: Record<string, never>) =>
      [role, tool_call_id ?? (tool_calls as { id: string }[] | undefined)?.map(({ id }) => id).join(), content].join(
        ' ',
      ),
    );
    expect(said).toEqual([
      'system  be brief',
      'user  [object Object],[object Object]',
      'assistant c,f first',
      'tool c one',
      'tool f sunny',
      'assistant d ',
      'tool d two',
      'assistant e ',
      'tool e three',
      'assistant  last',
    ]);
    expect(messagesOf(0)[1].content[1]).toEqual({ type: 'image_url', image_url: { url: 'https://example.org/a.png' } });
  });
});

describe('the choice of tools', () => {
  it.each([
    ['required', 'required'],
    [{ type: 'code' }, { type: 'function', function: { name: 'python' } }],
    [
      { type: 'function', name: 'weather' },
      { type: 'function', function: { name: 'weather' } },
    ],
  ] as const)('forces %j in the first turn only', async (toolChoice, sent) => {
    upstream.say([{ python: '1' }], [{ text: 'done' }]);
    await run(setup(), request({ toolChoice, functions: [weather] }));
    expect(upstream.requests.map(({ body }) => body.tool_choice)).toEqual([sent, 'auto']);
  });

  it('none offers no code', async () => {
    upstream.say([{ text: 'x' }], [{ text: 'x' }]);
    await run(setup(), request({ toolChoice: 'none', functions: [weather] }));
    await run(setup(), request({ toolChoice: 'none' }));
    expect([toolsOf(0), upstream.requests[0]!.body.tool_choice]).toEqual([['weather'], 'none']);
    expect(toolsOf(1)).toEqual([]);
  });
});

describe('an end is made', () => {
  const runs = (events: readonly AgentEvent[]) => events.filter(({ type }) => type === 'code_done').length;

  it.each([
    ['the request', 2, 10],
    ['the server', undefined, 2],
  ])('after as many runs as %s allows', async (_, asked, maxCalls) => {
    upstream.say([{ python: '1' }], [{ python: '2' }, { python: '3' }, { python: '4' }], [{ text: 'so be it' }]);
    const told = await run(setup({ maxCalls }), request({}, { maxCalls: asked }));
    expect(runs(told)).toBe(2);
    expect(brief(told).slice(-2)).toEqual(['text so be it', 'end stop']);
    expect(toolsOf(2)).toEqual([]);
    expect(messagesOf(2).filter(({ role }: { role: string }) => role === 'tool')).toHaveLength(4);
  });

  it('when a model calls although it may not', async () => {
    upstream.always([{ python: '1' }]);
    const told = await run(setup(), request({}, { maxCalls: 1 }));
    expect([runs(told), upstream.requests.length, brief(told).at(-1)]).toEqual([1, 4, 'end stop']);
  });

  it('with an answer, once the model has understood that it may not', async () => {
    upstream.say([{ python: '1' }], [{ python: '2' }], [{ text: 'Very well.' }]);
    const told = await run(setup(), request({}, { maxCalls: 1 }));
    expect([runs(told), ...brief(told).slice(-2)]).toEqual([1, 'text Very well.', 'end stop']);
  });

  it.each([
    [
      'tools that there are not',
      { call: 'browser', arguments: { url: 'x' } },
      /There is no tool "browser". The tools are: weather, python/,
      [],
    ],
    [
      'arguments without code',
      { call: 'python', arguments: '{"code": 7}' },
      /Send JSON: \{"code"/,
      ['code_refused', 'code_refused', 'code_refused'],
    ],
  ] as const)('with %s', async (_, step, told, refused) => {
    upstream.say([step], [step], [step], [{ text: 'I give up.' }]);
    const events = await run(setup(), request({ functions: [weather] }));
    expect(brief(events)).toEqual([...refused, 'text I give up.', 'end stop']);
    expect(messagesOf(1).at(-1).content).toMatch(told);
    expect([toolsOf(2), toolsOf(3)]).toEqual([['weather', 'python'], ['weather']]);
  });

  it('with the same code again and again', async () => {
    upstream.always((asked) => (asked.body.tools ? [{ python: 'again' }] : [{ text: 'enough' }]));
    const told = await run(setup({ maxCalls: 100 }), request());
    expect([runs(told), brief(told).at(-2)]).toEqual([6, 'text enough']);
    expect(messagesOf(2).at(-1).content).toBe('ran again');
    expect(messagesOf(3).at(-1).content).toContain('3 times in a row');
  });
});

describe('a failure', () => {
  it('before anything was said is thrown', async () => {
    upstream.say({ status: 400 });
    await expect(run(setup(), request())).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(run(setup({ providers: [] }), request())).rejects.toThrow(/DRAGOMAN_UPSTREAM_PROVIDER/);
  });

  it('after code ran is an end', async () => {
    upstream.say([{ python: '1' }], { status: 500 });
    const told = await run(setup(), request());
    expect(told.at(-1)).toMatchObject({ end: { reason: 'failed', error: { code: 'upstream_failed' } } });
  });

  it('says that the session was removed, and not that the caller cancelled', async () => {
    upstream.say([{ python: 'forever' }]);
    const { agent, deleteSession } = setup({ play: () => ({ hangs: true }) });
    const told: AgentEvent[] = [];
    for await (const event of agent.run(ann, request(), new AbortController().signal)) {
      told.push(event);
      if (event.type === 'code_ready') setImmediate(() => void deleteSession('session-1'));
    }
    expect(told.at(-1)).toMatchObject({
      end: { reason: 'failed', error: { code: 'not_found', message: expect.stringContaining('deleted') } },
    });
  });

  it('of the session is an end', async () => {
    upstream.say([{ python: '1' }]);
    const session = () => Promise.reject(new Error('out of order'));
    expect((await run(setup(), request({}, { session }))).at(-1)).toMatchObject({
      end: { reason: 'failed', error: { code: 'internal' } },
    });
  });
});

describe('a caller that goes', () => {
  it('ends the run', async () => {
    const made = setup({ play: () => ({ hangs: true }) });
    upstream.say([{ python: '1' }]);
    const controller = new AbortController();
    const told: AgentEvent[] = [];
    for await (const event of made.agent.run(ann, request(), controller.signal)) {
      told.push(event);
      if (event.type === 'code_ready') setTimeout(() => controller.abort(), 20);
    }
    expect(told.at(-1)).toMatchObject({ end: { reason: 'cancelled' } });
    await expect.poll(() => made.played.cancelled).toBe(1);
  });

  it('ends the run when it stops reading', async () => {
    const events = [{ type: 'stdout', data: Buffer.from('x') }] as const;
    const made = setup({ play: () => ({ hangs: true, events }) });
    upstream.say([{ python: '1' }]);
    for await (const { type } of made.agent.run(ann, request(), new AbortController().signal))
      if (type === 'code_output') break;
    await expect.poll(() => made.played.cancelled).toBe(1);
  });

  it('ends the model', async () => {
    upstream.say([{ text: 'a' }, { until: new Promise(() => {}) }]);
    const controller = new AbortController();
    const told: AgentEvent[] = [];
    for await (const event of setup().agent.run(ann, request(), controller.signal)) {
      told.push(event);
      controller.abort();
    }
    expect(brief(told)).toEqual(['text a', 'end cancelled']);
    await upstream.requests[0]!.abandoned;
  });
});

describe('code that calls functions', () => {
  const calls = [{ id: 't1', name: 'weather', input: { city: 'Oslo' } }];
  const callable = { ...weather, callers: ['code'] } as const;

  it('is described, waits for the client, and goes on', async () => {
    const made = setup({
      play: () => ({ events: [{ type: 'tool_calls', calls }], result: { stdout: said('sunny\n') } }),
    });
    upstream.say(
      [
        { python: 'await weather()', id: 'c' },
        { python: 'later', id: 'd' },
      ],
      [{ text: 'It is sunny.' }],
    );
    const first = await run(made, request({ functions: [callable] }));
    expect(brief(first)).toEqual([
      'code_start',
      'code_delta await weather()',
      'code_ready',
      'code_waiting',
      'end functions',
    ]);
    expect(toolsOf(0)).toEqual(['python']);
    expect(upstream.requests[0]!.body.tools[0].function.description).toContain(
      '- await tools.weather(…): Tells the weather.',
    );
    expect(made.jobs).toMatchObject([{ tools: { definitions: [{ name: 'weather' }] } }]);
    expect(made.played.cancelled).toBe(0);

    const waiting = first.find((event) => event.type === 'code_waiting')!;
    expect(waiting).toMatchObject({ callId: 'c', calls, after: 1 });
    const { callId, executionId, after } = waiting;
    const results = [{ id: 't1', value: 'sunny' }];
    const resume = { callId, executionId, after, code: 'await weather()', results };
    const second = await run(made, request({ functions: [callable], resume }));
    expect(brief(second)).toEqual([
      'code_start',
      'code_delta await weather()',
      'code_ready',
      'code_done',
      'text It is sunny.',
      'end stop',
    ]);
    expect(made.played.answers).toEqual(results);
    expect(messagesOf(1).slice(1)).toMatchObject([
      { role: 'assistant', tool_calls: [{ id: 'c' }] },
      { role: 'tool', content: 'sunny' },
    ]);
  });

  it('cannot go on when it is gone', async () => {
    const resume = { callId: 'c', executionId: 'none', after: 0, code: '1', results: [] };
    await expect(run(setup(), request({ resume }))).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('figures', () => {
  const play = () => ({ result: { outputs: [{ kind: 'display' as const, bundle: { 'image/png': 'iVBORw0KGgo=' } }] } });

  it('are shown to a model that can see', async () => {
    upstream.say([{ python: '1' }], [{ text: 'a line' }]);
    await run(setup({ play, provider: { vision: true } }), request());
    expect(messagesOf(1).at(-2).content).toBe('[figure 1: image/png, shown to you and the user]');
    expect(messagesOf(1).at(-1)).toMatchObject({
      role: 'user',
      content: [{}, { image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } }],
    });
  });

  it('are told of to one that cannot', async () => {
    upstream.say([{ python: '1' }], [{ text: 'a line' }]);
    await run(setup({ play }), request());
    expect(messagesOf(1).at(-1)).toMatchObject({ role: 'tool', content: '[figure 1: image/png, shown to the user]' });
  });
});
