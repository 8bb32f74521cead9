import type Anthropic from '@anthropic-ai/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AnthropicService, calls, model, startAnthropic } from '../support/anthropic.ts';

/** Requests without the code tool, and upstreams of other kinds, against a real server and a scripted model. */
let service: AnthropicService;
beforeAll(async () => {
  service = await startAnthropic({ DRAGOMAN_UPSTREAM_PROVIDER: 'anthropic', DRAGOMAN_UPSTREAM_RETRIES: '0' });
});
afterAll(() => service?.stop());
afterEach(() => service.upstream.reset());

const user = { role: 'user' as const, content: 'Go' };
const asked = { model, max_tokens: 1000, messages: [user] };
const weather = { name: 'weather', input_schema: { type: 'object' as const, properties: { at: { type: 'string' } } } };
const last = () => service.upstream.requests.at(-1)!;

describe('an upstream that speaks Messages', () => {
  it('gets a request without the tool as it is, and its answer is the answer', async () => {
    service.upstream.say([{ text: 'Hello.' }]);
    const more = {
      system: [{ type: 'text', text: 'x'.repeat(100_000), cache_control: { type: 'ephemeral' } }],
      tools: [weather, { type: 'web_search_20250305', name: 'web_search' }],
      context_management: { edits: [] },
      anything: { else: [1] },
    };
    const headers = { 'anthropic-beta': 'a-2026-01-01,b-2026-02-02' };
    const message = await service.client.messages.create({ ...asked, ...more } as never, { headers });
    expect(message).toMatchObject({ id: 'msg_scripted', content: [{ type: 'text', text: 'Hello.' }] });
    expect(last().path).toBe('/v1/messages');
    expect(last().body).toEqual({ ...asked, ...more });
    expect(last().headers).toMatchObject({
      'anthropic-beta': 'a-2026-01-01,b-2026-02-02',
      'anthropic-version': expect.stringMatching(/^\d{4}-/),
    });
    expect(JSON.stringify(last().headers)).not.toContain(service.server.key);
  });

  it('streams through', async () => {
    service.upstream.say([
      { reasoning: 'hm' },
      { text: ['Hel', 'lo.'] },
      { call: 'weather', arguments: { at: 'Rome' } },
    ]);
    const message = await service.client.messages.stream({ ...asked, tools: [weather] }).finalMessage();
    expect(message.content).toMatchObject([
      { type: 'thinking', thinking: 'hm', signature: 'scripted' },
      { type: 'text', text: 'Hello.' },
      { type: 'tool_use', input: { at: 'Rome' } },
    ]);
  });

  it('has its errors passed on in their shape', async () => {
    const body = { type: 'error', error: { type: 'overloaded_error', message: 'Full.', details: null } };
    service.upstream.say({ status: 529, body }, { status: 429, body: { error: { message: 'Slow down.' } } });
    const refused = () => service.client.messages.create(asked, { maxRetries: 0 }).catch((error) => error);
    expect(await refused()).toMatchObject({ status: 529, error: body });
    expect(await refused()).toMatchObject({
      status: 429,
      error: { type: 'error', error: { type: 'rate_limit_error', message: 'Slow down.' } },
    });
  });

  it('is asked through us where the request has our tool', async () => {
    service.upstream.say([{ text: 'See.' }, calls.python('print(6 * 7)')], [{ text: 'It is 42.' }]);
    const tools = [{ type: 'code_execution_20250825', name: 'code_execution' }] as Anthropic.ToolUnion[];
    const { content } = await service.client.messages.create({ ...asked, tools, top_k: 3 } as typeof asked);
    expect(content.map(({ type }) => type)).toEqual(['text', 'server_tool_use', 'code_execution_tool_result', 'text']);
    expect(last().body).toMatchObject({ top_k: 3, tools: [{ name: 'code_execution' }, {}, {}] });
  });
});

describe('an upstream of another kind', () => {
  let other: AnthropicService;
  beforeAll(async () => {
    other = await startAnthropic({ DRAGOMAN_UPSTREAM_VISION: 'true' });
  });
  afterAll(() => other?.stop());
  afterEach(() => other.upstream.reset());

  it('gets tools, parallel calls, images, failed results and system blocks in its own words', async () => {
    other.upstream.say([
      { text: 'I ask.' },
      { call: 'weather', arguments: { at: 'Rome' } },
      { call: 'bash', arguments: { command: 'ls' } },
    ]);
    const tools = [weather, { type: 'bash_20250124', name: 'bash' }] as Anthropic.ToolUnion[];
    const image = { type: 'base64' as const, media_type: 'image/png' as const, data: 'iVBORw0KGgo=' };
    const messages: Anthropic.MessageParam[] = [
      {
        role: 'user',
        content: [
          { type: 'image', source: image },
          { type: 'text', text: 'Where?' },
        ],
      },
    ];
    const system = [
      { type: 'text' as const, text: 'One.', cache_control: { type: 'ephemeral' as const } },
      { type: 'text' as const, text: 'Two.' },
    ];
    const first = await other.client.messages.create({ ...asked, messages, tools, system, stop_sequences: ['END'] });
    expect(first).toMatchObject({
      stop_reason: 'tool_use',
      container: null,
      content: [
        { type: 'text', text: 'I ask.' },
        { type: 'tool_use', name: 'weather', input: { at: 'Rome' }, caller: { type: 'direct' } },
        { type: 'tool_use', name: 'bash', input: { command: 'ls' } },
      ],
    });
    messages.push({ role: 'assistant', content: first.content as never });
    const results = first.content.flatMap((block) =>
      block.type !== 'tool_use'
        ? []
        : { type: 'tool_result' as const, tool_use_id: block.id, content: 'no', is_error: block.name === 'bash' },
    );
    messages.push({ role: 'user', content: [...results, { type: 'text', text: 'Well?' }] });
    other.upstream.say([{ text: 'Sunny.' }]);
    await other.client.messages.create({ ...asked, messages, tools, system, thinking: { type: 'disabled' } });
    const { messages: sent } = other.upstream.requests.at(-1)!.body;
    expect(sent).toMatchObject([
      { role: 'system', content: 'One.\nTwo.' },
      { role: 'user', content: [{ type: 'image_url' }, { type: 'text', text: 'Where?' }] },
      { role: 'assistant', content: 'I ask.', tool_calls: [{}, { function: { name: 'bash' } }] },
      { role: 'tool', content: 'no' },
      { role: 'tool', content: '[The tool failed.]\nno' },
      { role: 'user', content: 'Well?' },
    ]);
    expect(other.upstream.requests[0]!.body).toMatchObject({ stop: ['END'], max_tokens: 1000 });
  });

  it('answers as JSON of a schema', async () => {
    other.upstream.say([{ text: '{"a":1}' }]);
    const schema = { type: 'object', properties: { a: { type: 'integer' } } };
    const body = { ...asked, output_config: { format: { type: 'json_schema', schema } } };
    await other.client.messages.create(body as never);
    expect(other.upstream.requests[0]!.body.response_format).toMatchObject({
      type: 'json_schema',
      json_schema: { schema },
    });
  });

  it('is told of what other servers’ tools did as text, or not at all', async () => {
    other.upstream.say([{ text: 'Well.' }]);
    const content = [
      { type: 'thinking', thinking: 'hm', signature: 'x' },
      { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
      { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] },
      { type: 'server_tool_use', id: 'srvtoolu_2', name: 'bash_code_execution', input: { command: 'ls' } },
      {
        type: 'bash_code_execution_tool_result',
        tool_use_id: 'srvtoolu_2',
        content: { type: 'encrypted_code_execution_result', encrypted_stdout: 'x', return_code: 0, content: [] },
      },
      { type: 'text', text: 'So.' },
    ];
    const search = { type: 'search_result', title: 'T', source: 'S', content: [{ type: 'text', text: 'found' }] };
    const document = { type: 'document', title: 'D', source: { type: 'text', media_type: 'text/plain', data: 'read' } };
    const messages = [user, { role: 'assistant', content }, { role: 'user', content: [search, document] }];
    await other.client.messages.create({ ...asked, messages } as never);
    const { messages: sent } = other.upstream.requests.at(-1)!.body;
    expect(sent).toMatchObject([
      { content: 'Go' },
      { role: 'assistant', tool_calls: [{ function: { name: 'bash_code_execution' } }] },
      { role: 'tool', content: expect.stringContaining('cannot be read here') },
      { role: 'assistant', content: 'So.' },
      { role: 'user', content: [{ text: '[T, S]\nfound' }, { text: '[D]\nread' }] },
    ]);
  });
});
