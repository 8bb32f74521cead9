import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedUpstream, startUpstream } from '../../test/support/upstream.ts';
import {
  createUpstreams,
  type TurnEvent,
  type TurnRequest,
  type UpstreamOptions,
  type UpstreamsOptions,
} from './index.ts';

let upstream: ScriptedUpstream;
beforeAll(async () => {
  upstream = await startUpstream({ models: ['one', 'two'] });
});
afterAll(() => upstream.close());
beforeEach(() => upstream.reset());

const key = 'sk-secret-0123456789';
const kinds = ['openai-compatible', 'openai', 'anthropic', 'google'] as const;

function provider(more: Partial<UpstreamOptions> = {}): UpstreamOptions {
  return {
    name: '',
    provider: 'openai-compatible',
    baseUrl: upstream.baseUrl,
    apiKey: key,
    models: undefined,
    aliases: {},
    vision: false,
    stream: true,
    headers: {},
    ...more,
  };
}

function create(more: Partial<UpstreamsOptions> = {}, ...providers: Partial<UpstreamOptions>[]) {
  const log: unknown[] = [];
  const say = (fields: object, message: string) => void log.push(fields, message);
  const upstreams = createUpstreams({
    providers: (providers.length > 0 ? providers : [{}]).map(provider),
    defaultModel: 'one',
    passthrough: false,
    firstTokenMs: 5000,
    stallMs: 5000,
    totalMs: 10_000,
    retries: 2,
    logger: { debug: say, info: say, warn: say, error: say },
    ...more,
  });
  return { ...upstreams, log };
}

const question: TurnRequest = {
  prompt: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
  tools: [],
  withheld: [],
  toolChoice: { type: 'auto' },
  parallelToolCalls: undefined,
  maxOutputTokens: 100,
  temperature: undefined,
  topP: undefined,
  topK: undefined,
  stop: undefined,
  seed: undefined,
  presencePenalty: undefined,
  frequencyPenalty: undefined,
  reasoningEffort: undefined,
  reasoningSummary: undefined,
  verbosity: undefined,
  format: undefined,
  extra: undefined,
  key: undefined,
};
const python = { type: 'function', name: 'python', inputSchema: { type: 'object' } } as const;

type Created = ReturnType<typeof create>;

async function turn(upstreams: Created, request: Partial<TurnRequest> = {}, signal = new AbortController().signal) {
  const events: TurnEvent[] = [];
  for await (const event of upstreams.model(undefined).turn({ ...question, ...request }, signal)) events.push(event);
  return events;
}

const failure = (upstreams: Created, request?: Partial<TurnRequest>, signal?: AbortSignal) =>
  turn(upstreams, request, signal).then(
    (events) => ({ events, code: undefined }),
    ({ code, message, retryAfterSeconds, retryable, foreignCode }) => {
      return { events: [], code, message, retryAfterSeconds, retryable, foreignCode };
    },
  );

describe.each(kinds)('%s', (kind) => {
  it.each([true, false])('tells what a model says (streamed: %s)', async (stream) => {
    upstream.say([
      { reasoning: ['hm', 'm'] },
      { text: ['a', 'b'] },
      { call: 'python', arguments: ['{"code":', '"1"}'], id: 'call_1' },
      { usage: { input: 7, output: 3, cached: 2 } },
    ]);
    const events = await turn(create({}, { provider: kind, stream }), { tools: [python] });
    const joined = (type: string) =>
      events.map((event) => (event.type === type && 'delta' in event ? event.delta : '')).join('');
    expect(joined('reasoning')).toBe('hmm');
    expect(joined('text')).toBe('ab');
    expect(joined('call_delta')).toBe('{"code":"1"}');
    expect(events.filter(({ type }) => type === 'text')).toHaveLength(stream ? 2 : 1);
    expect(events.at(-2)).toEqual({ type: 'call', id: 'call_1', name: 'python', arguments: '{"code":"1"}' });
    const end = events.at(-1) as Extract<TurnEvent, { type: 'end' }>;
    expect(end).toMatchObject({
      type: 'end',
      finish: 'stop',
      usage: { inputTokens: 7, cachedTokens: 2, outputTokens: 3 },
    });
    expect(end.content.map(({ type }) => type)).toEqual(['reasoning', 'text', 'tool-call']);
    expect(end.content.at(-1)).toMatchObject({ toolCallId: 'call_1', input: { code: '1' } });
  });

  it('takes its own answer back, with the result and its picture', async () => {
    const upstreams = create({}, { provider: kind });
    upstream.say([{ reasoning: 'hm' }, { python: '1', id: 'call_1' }], [{ text: 'done' }]);
    const end = (await turn(upstreams, { tools: [python] })).at(-1) as Extract<TurnEvent, { type: 'end' }>;
    const picture = { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'iVBORw0KGgo=' } } as const;
    const output = { type: 'content', value: [{ type: 'text', text: 'shown' }, picture] } as const;
    const result = { type: 'tool-result', toolCallId: 'call_1', toolName: 'python', output } as const;
    const prompt: TurnRequest['prompt'] = [
      ...question.prompt,
      { role: 'assistant', content: end.content },
      { role: 'tool', content: [{ ...result, output: { ...output, value: [...output.value] } }] },
    ];
    await turn(upstreams, { prompt });
    const sent = JSON.stringify(upstream.requests[1]!.body);
    expect(sent).toContain('shown');
    expect(sent.match(/iVBORw0KGgo=/g)).toHaveLength(1);
    expect(sent.match(/call_1/g)!.length).toBeGreaterThanOrEqual(2);
  });

  it('stops at the end of the tokens', async () => {
    upstream.say([{ text: 'a' }, { finish: 'length' }]);
    expect((await turn(create({}, { provider: kind }))).at(-1)).toMatchObject({ finish: 'length' });
  });

  it.each([
    [400, 'invalid_request'],
    [401, 'upstream_failed'],
    [404, 'model_not_found'],
    [422, 'invalid_request'],
    [503, 'upstream_failed'],
  ])('reads the status %i as %s', async (status, code) => {
    upstream.always({ status });
    expect(await failure(create({ retries: 0 }, { provider: kind }))).toMatchObject({ code });
  });

  it('closes the connection when the caller goes', async () => {
    upstream.say([{ text: 'a' }, { until: new Promise(() => {}) }]);
    const controller = new AbortController();
    const upstreams = create({}, { provider: kind });
    const answer = failure(upstreams, {}, controller.signal);
    await expect.poll(() => upstream.requests[0]?.firstTokenAt).toBeDefined();
    controller.abort();
    expect(await answer).toMatchObject({ code: 'cancelled' });
    await upstream.requests[0]!.abandoned;
  });

  it('closes the connection when its reader stops', async () => {
    upstream.say([{ text: 'a' }, { until: new Promise(() => {}) }]);
    const { signal } = new AbortController();
    for await (const _ of create({}, { provider: kind }).model(undefined).turn(question, signal)) break;
    await upstream.requests[0]!.abandoned;
  });
});

describe('a request', () => {
  it('carries what the caller asked for, and no more', async () => {
    upstream.say([{ text: 'x' }]);
    await turn(create(), {
      temperature: 0.5,
      topP: 0.9,
      stop: ['END'],
      seed: 7,
      parallelToolCalls: false,
      reasoningEffort: 'low',
      verbosity: 'high',
      tools: [python],
      toolChoice: { type: 'tool', toolName: 'python' },
      extra: { top_k: 40 },
      format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: false },
    });
    const { body, headers } = upstream.requests[0]!;
    expect(body).toMatchObject({
      model: 'one',
      max_tokens: 100,
      temperature: 0.5,
      top_p: 0.9,
      stop: ['END'],
      seed: 7,
      parallel_tool_calls: false,
      reasoning_effort: 'low',
      verbosity: 'high',
      tool_choice: { type: 'function', function: { name: 'python' } },
      top_k: 40,
      response_format: { type: 'json_schema', json_schema: { name: 'n', strict: false } },
    });
    expect(headers.authorization).toBe(`Bearer ${key}`);
    upstream.say([{ text: 'x' }]);
    await turn(create(), { maxOutputTokens: undefined });
    expect(Object.keys(upstream.requests[1]!.body).sort()).toEqual(['messages', 'model', 'stream', 'stream_options']);
  });

  it('wants a schema kept strictly only where the caller does', async () => {
    upstream.always([{ text: '{}' }]);
    for (const provider of ['openai-compatible', 'openai'] as const)
      for (const strict of [undefined, true]) {
        const format = { type: 'json_schema', name: 'n', schema: { type: 'object' }, ...(strict ? { strict } : {}) };
        await turn(create({}, { provider }), { format });
      }
    const sent = upstream.requests.map(({ body }) => (body.response_format?.json_schema ?? body.text.format).strict);
    expect(sent).toEqual([false, true, false, true]);
  });

  it('asks OpenAI for summaries of thoughts only where the caller does', async () => {
    upstream.always([{ text: 'x' }]);
    const upstreams = create({ defaultModel: 'gpt-5' }, { provider: 'openai' });
    await turn(upstreams, { reasoningEffort: 'low' });
    await turn(upstreams, { reasoningEffort: 'low', reasoningSummary: 'auto', verbosity: 'low' });
    expect(upstream.requests.map(({ body }) => [body.reasoning, body.text])).toEqual([
      [{ effort: 'low' }, undefined],
      [{ effort: 'low', summary: 'auto' }, { verbosity: 'low' }],
    ]);
  });

  it('keeps no conversation at OpenAI', async () => {
    upstream.say([{ text: 'x' }]);
    await turn(create({}, { provider: 'openai' }));
    expect(upstream.requests[0]!.body.store).toBe(false);
  });

  it('names tools that may no longer be used where the provider must know them', async () => {
    upstream.always([{ text: 'x' }]);
    await turn(create({}, { provider: 'anthropic' }), { withheld: [python] });
    await turn(create(), { withheld: [python] });
    expect(upstream.requests[0]!.body).toMatchObject({ tools: [{ name: 'python' }], tool_choice: { type: 'none' } });
    expect(upstream.requests[1]!.body.tools).toBeUndefined();
  });
});

describe('a failure', () => {
  it('is tried again while nothing came', async () => {
    upstream.say({ status: 503 }, { status: 429, headers: { 'retry-after': '1' } }, [{ text: 'at last' }]);
    expect(await turn(create())).toMatchObject([{ delta: 'at last' }, { type: 'end' }]);
    expect(upstream.requests).toHaveLength(3);
  });

  it('is tried again when the connection breaks before anything came', async () => {
    upstream.say([{ drop: true }], [{ text: 'at last' }]);
    expect(await turn(create())).toMatchObject([{ delta: 'at last' }, { type: 'end' }]);
  });

  it.each([
    ['breaks', [{ drop: true }]],
    ['reports an error', [{ raw: 'data: {"error":{"message":"overheated","type":"server_error"}}\n\n' }]],
    ['sends what is no JSON', [{ raw: 'data: {"choices": [}\n\n' }]],
  ] as const)('is final once something came (%s)', async (_, steps) => {
    upstream.say([{ text: 'half' }, ...steps], [{ text: 'never' }]);
    const said: TurnEvent[] = [];
    const run = async () => {
      for await (const event of create().model('one').turn(question, new AbortController().signal)) said.push(event);
    };
    await expect(run()).rejects.toMatchObject({ code: 'upstream_failed' });
    expect(said).toEqual([{ type: 'text', delta: 'half' }]);
    expect(upstream.requests).toHaveLength(1);
  });

  it('is not waited for longer than a caller would', async () => {
    upstream.always({ status: 429, headers: { 'retry-after': '60' } });
    expect(await failure(create())).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 60 });
    expect(upstream.requests).toHaveLength(1);
  });

  it('gives up in the end', async () => {
    upstream.always({ status: 500 });
    expect(await failure(create({ retries: 1 }))).toMatchObject({ code: 'upstream_failed' });
    expect(upstream.requests).toHaveLength(2);
  });

  it('says nothing of keys, to the caller or in the log', async () => {
    const body = { error: { message: `Incorrect API key provided: ${key}, or Bearer abcdefgh12345678` } };
    for (const status of [400, 401, 500]) {
      upstream.always({ status, body });
      const upstreams = create({ retries: 0 });
      const told = JSON.stringify([await failure(upstreams), upstreams.log]);
      expect(told).not.toMatch(/0123456789|abcdefgh/);
      expect(upstreams.log).not.toEqual([]);
    }
  });

  it('is called what the provider calls it, where clients look for that', async () => {
    const body = (code: string) => ({ error: { message: 'no', type: 'x', param: null, code } });
    const codes = async (...args: Parameters<typeof create>) => {
      upstream.say({ status: 400, body: body('context_length_exceeded') }, { status: 400, body: body(`a b ${key}`) });
      return [await failure(create(...args)), await failure(create(...args))];
    };
    for (const provider of ['openai-compatible', 'openai'] as const) {
      const [known, odd] = await codes({}, { provider });
      expect(known).toMatchObject({ code: 'invalid_request', foreignCode: 'context_length_exceeded' });
      expect(odd).toMatchObject({ code: 'invalid_request', foreignCode: undefined });
    }
  });

  it('of the operator’s key is not mended by trying again', async () => {
    upstream.say({ status: 401 }, { status: 500 });
    expect(await failure(create({ retries: 0 }))).toMatchObject({ code: 'upstream_failed', retryable: false });
    expect(await failure(create({ retries: 0 }))).toMatchObject({ code: 'upstream_failed', retryable: true });
  });

  it('names no address of a provider that cannot be reached', async () => {
    const upstreams = create({ retries: 0 }, { baseUrl: 'http://127.0.0.1:9/v1' });
    expect(await failure(upstreams)).toMatchObject({
      code: 'upstream_failed',
      message: expect.not.stringContaining('127'),
    });
  });
});

describe('a silence', () => {
  const forever = { until: new Promise(() => {}) };

  it.each([
    ['before the first token', { firstTokenMs: 100 }, [forever]],
    ['in the middle', { stallMs: 100 }, [{ text: 'a' }, forever]],
    [
      'in all',
      { totalMs: 150 },
      [{ text: 'a' }, { wait: 80 }, { text: 'b' }, { wait: 80 }, { text: 'c' }, { wait: 80 }],
    ],
  ] as const)('ends the answer (%s)', async (_, limits, steps) => {
    upstream.always(steps);
    expect(await failure(create({ retries: 0, ...limits }))).toMatchObject({ code: 'upstream_failed' });
    await upstream.requests[0]!.abandoned;
  });
});

describe("a caller's own key", () => {
  it('is refused unless the operator allows it', async () => {
    expect(await failure(create(), { key: 'sk-mine' })).toMatchObject({ code: 'forbidden' });
    expect(upstream.requests).toHaveLength(0);
  });

  it("replaces the service's", async () => {
    upstream.say([{ text: 'x' }], { status: 401 });
    const upstreams = create({ passthrough: true });
    await turn(upstreams, { key: 'sk-mine' });
    expect(upstream.requests[0]!.headers.authorization).toBe('Bearer sk-mine');
    expect(await failure(upstreams, { key: 'sk-mine' })).toMatchObject({ code: 'forbidden' });
  });
});

describe('routing', () => {
  const named = { name: 'local', models: ['qwen', 'org/llama'], aliases: { fast: 'qwen' } };

  it.each([
    ['anything', 'anything', 'anything'],
    ['org/model', 'org/model', 'org/model'],
    ['local/qwen', 'local/qwen', 'qwen'],
    ['local/org/llama', 'local/org/llama', 'org/llama'],
    ['local/fast', 'local/qwen', 'qwen'],
    ['fast', 'local/qwen', 'qwen'],
    ['qwen', 'local/qwen', 'qwen'],
    [undefined, 'one', 'one'],
    ['default', 'one', 'one'],
  ])('finds %s', async (asked, id, sent) => {
    upstream.say([{ text: 'x' }]);
    const model = create({}, {}, named).model(asked);
    for await (const _ of model.turn(question, new AbortController().signal));
    expect([model.id, upstream.requests[0]!.body.model]).toEqual([id, sent]);
  });

  it('does not find a model that does not exist', () => {
    expect(() => create({}, named).model('gpt')).toThrow(expect.objectContaining({ code: 'model_not_found' }));
    expect(() => create({}, {}, named).model('local/gpt')).toThrow(
      expect.objectContaining({ code: 'model_not_found' }),
    );
    expect(() => create({ providers: [] }).model('x')).toThrow(/DRAGOMAN_UPSTREAM_PROVIDER/);
    expect(() => create({ defaultModel: undefined }).model(undefined)).toThrow(/DRAGOMAN_UPSTREAM_MODEL/);
    expect(create({ defaultModel: undefined }, named).model(undefined).id).toBe('local/qwen');
    expect(create({}, { ...named, aliases: { default: 'qwen' } }).model('default').id).toBe('local/qwen');
    expect(create({ defaultModel: undefined }).model('default').id).toBe('default');
  });

  it('knows who can see', () => {
    const upstreams = create({}, { vision: ['one'] }, { ...named, vision: true });
    expect(['one', 'two', 'fast'].map((name) => upstreams.model(name).vision)).toEqual([true, false, true]);
  });

  it('lists what is configured and what providers have', async () => {
    const ids = async (upstreams: Created) => (await upstreams.list()).map(({ id }) => id);
    expect(await ids(create({}, {}, named))).toEqual(['one', 'two', 'local/qwen', 'local/org/llama', 'fast']);
    expect(await ids(create({}, { provider: 'anthropic', name: 'a' }))).toEqual(['a/one', 'a/two', 'one']);
    expect(await ids(create({}, { baseUrl: 'http://127.0.0.1:9/v1' }))).toEqual(['one']);
    expect(await ids(create({ providers: [] }))).toEqual([]);
  });
});
