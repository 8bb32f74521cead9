import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AnthropicService, calls, model, startAnthropic } from '../support/anthropic.ts';
import { eventsOf } from '../support/events.ts';

/** Streams of the Messages API as they are on the wire, against a real server and a scripted model. */
let service: AnthropicService;
beforeAll(async () => {
  service = await startAnthropic({ DRAGOMAN_UPSTREAM_RETRIES: '0' });
});
afterAll(() => service?.stop());
afterEach(() => service.upstream.reset());

// biome-ignore lint/suspicious/noExplicitAny: what the wire has
type Event = any;

const tools = [{ type: 'code_execution_20250825', name: 'code_execution' }];
const weather = { name: 'weather', input_schema: { type: 'object', properties: { at: { type: 'string' } } } };

function post(body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${service.server.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': service.server.key, 'anthropic-version': '2023-06-01' },
    body: JSON.stringify({ model, max_tokens: 1000, messages: [{ role: 'user', content: 'Go' }], ...body }),
    ...(signal ? { signal } : {}),
  });
}

/** The frames of a stream: each has a name, and data of the same type. */
async function framesOf(body: object): Promise<Event[]> {
  const response = await post({ tools, stream: true, ...body });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  expect(response.headers.get('request-id')).toMatch(/^req_/);
  expect(response.headers.get('x-accel-buffering')).toBe('no');
  const frames = (await response.text()).trimEnd().split('\n\n');
  return frames.map((frame) => {
    const [, name, data] = /^event: (\w+)\ndata: (.+)$/.exec(frame)!;
    const event = JSON.parse(data!);
    expect(event.type).toBe(name);
    return event;
  });
}

/** Ids and times replaced by what they are. */
function plain(value: unknown): Event {
  const text = JSON.stringify(value);
  return JSON.parse(
    text
      .replace(/"(msg|srvtoolu|toolu|container|file)_[\w-]{21}"/g, '"$1"')
      .replace(/"\d{4}-\d\d-\d\dT[^"]+Z"/g, '"time"'),
  );
}

/** Deltas of one block put together. */
function folded(events: readonly Event[]): Event[] {
  return events.reduce((all: Event[], event) => {
    const last = all.at(-1);
    const json = event.delta?.partial_json;
    if (json !== undefined && last?.delta?.partial_json !== undefined)
      all[all.length - 1] = { ...last, delta: { ...last.delta, partial_json: last.delta.partial_json + json } };
    else all.push(event);
    return all;
  }, []);
}

const usage = (input: number, output: number) => ({
  input_tokens: input,
  output_tokens: output,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation: null,
  output_tokens_details: null,
  server_tool_use: null,
  service_tier: 'standard',
  inference_geo: null,
  speed: null,
});

it('is the transcript of the contract', async () => {
  service.upstream.say([{ text: ['Let ', 'me see.'] }, calls.python('print("é\\n")')], [{ text: 'Done.' }]);
  const events = await framesOf({});
  const pieces = events
    .filter(({ delta }) => delta?.type === 'input_json_delta')
    .map(({ delta }) => delta.partial_json);
  expect(pieces[0]).toBe('');
  expect(pieces.length).toBeGreaterThan(3);
  const use = {
    type: 'server_tool_use',
    id: 'srvtoolu',
    name: 'code_execution',
    input: {},
    caller: { type: 'direct' },
  };
  const result = { type: 'code_execution_result', stdout: 'é\n\n', stderr: '', return_code: 0, content: [] };
  expect(folded(plain(events))).toEqual([
    {
      type: 'message_start',
      message: {
        id: 'msg',
        type: 'message',
        role: 'assistant',
        model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        stop_details: null,
        container: null,
        diagnostics: null,
        usage: usage(0, 0),
      },
    },
    { type: 'ping' },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Let ' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'me see.' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_start', index: 1, content_block: use },
    {
      type: 'content_block_delta',
      index: 1,
      delta: { type: 'input_json_delta', partial_json: '{"code":"print(\\"é\\\\n\\")"}' },
    },
    { type: 'content_block_stop', index: 1 },
    {
      type: 'content_block_start',
      index: 2,
      content_block: { type: 'code_execution_tool_result', tool_use_id: 'srvtoolu', content: result },
    },
    { type: 'content_block_stop', index: 2 },
    { type: 'content_block_start', index: 3, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 3, delta: { type: 'text_delta', text: 'Done.' } },
    { type: 'content_block_stop', index: 3 },
    {
      type: 'message_delta',
      delta: {
        stop_reason: 'end_turn',
        stop_sequence: null,
        stop_details: null,
        container: { id: 'container', expires_at: 'time', skills: null },
      },
      usage: usage(20, 10),
    },
    { type: 'message_stop' },
  ]);
});

it('tells of a container also when it stops for the client’s tool, whose call comes last', async () => {
  service.upstream.say([{ call: 'weather', arguments: { at: 'Rome' } }, calls.bash('echo 1')]);
  const events = await framesOf({ tools: [...tools, weather] });
  const started = events
    .filter(({ type }) => type === 'content_block_start')
    .map(({ content_block: block }) => block.type);
  expect(started).toEqual(['server_tool_use', 'bash_code_execution_tool_result', 'tool_use']);
  const { delta } = events.find(({ type }) => type === 'message_delta');
  expect(plain(delta)).toMatchObject({ stop_reason: 'tool_use', container: { id: 'container', expires_at: 'time' } });
});

describe('arguments of the client’s tools', () => {
  const streamed = async (written: string, more: Event[] = []) => {
    service.upstream.say([{ call: 'weather', arguments: written.match(/[\s\S]{1,3}/g)! }, ...more]);
    const events = await framesOf({ tools: [weather] });
    const json = events.flatMap(({ delta }) => delta?.partial_json ?? []).join('');
    return [JSON.parse(json), events.find(({ type }) => type === 'message_delta').delta.stop_reason];
  };

  it('are JSON, whatever the model writes', async () => {
    expect(await streamed('{"at": "Rome"}')).toEqual([{ at: 'Rome' }, 'tool_use']);
    expect(await streamed('{"at": "Ro\nme')).toEqual([{ at: 'Ro\nme' }, 'tool_use']);
    expect(await streamed('at Rome')).toEqual([{}, 'tool_use']);
    expect(await streamed('{"at": "Ro', [{ finish: 'length' }])).toEqual([{ at: 'Ro' }, 'max_tokens']);
  });
});

it('ends in an error of the provider, after code, and without a status', async () => {
  service.upstream.say([calls.python('print(1)')], { status: 400 });
  const events = await framesOf({});
  expect(events.at(-1)).toMatchObject({
    type: 'error',
    error: { type: 'invalid_request_error', message: expect.any(String) },
    request_id: expect.stringMatching(/^req_/),
  });
  expect(events.map(({ type }) => type)).not.toContain('message_stop');
});

it('has a status of its own for a failure before it begins', async () => {
  service.upstream.say({ status: 429, headers: { 'retry-after': '7' } });
  const response = await post({ tools, stream: true });
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7']);
  expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } });
});

it('tells clients not to repeat a request whose code has run', async () => {
  service.upstream.say([calls.python('print(1)')], { status: 500 });
  const response = await post({ tools });
  expect([response.status, response.headers.get('x-should-retry')]).toEqual([502, 'false']);
  service.upstream.reset();
  service.upstream.say([calls.python('print(1)')], { status: 500 });
  const asked = { model, max_tokens: 9, messages: [{ role: 'user', content: 'Go' }], tools };
  await expect(service.client.messages.create(asked as never)).rejects.toMatchObject({ status: 502 });
  expect(service.upstream.requests.length).toBe(2);
});

it('ends the model and the code when the client goes, and keeps the container', async () => {
  service.upstream.say([calls.python('open("kept.txt", "w").write("kept")')], [{ text: 'Kept.' }]);
  const { container } = (await (await post({ tools })).json()) as Event;
  service.upstream.say([calls.python('import time\ntime.sleep(60)\nopen("late.txt", "w")')]);
  const abort = new AbortController();
  const response = await post({ tools, stream: true, container: container.id }, abort.signal);
  // The call is complete, so the code runs.
  for await (const { event } of eventsOf(response)) if (event === 'content_block_stop') break;
  abort.abort();
  service.upstream.say([calls.bash('ls')], [{ text: 'There.' }]);
  const begun = performance.now();
  const next = (await (await post({ tools, container: container.id })).json()) as Event;
  // Requests of one container take turns, so the code has ended.
  expect(performance.now() - begun).toBeLessThan(30_000);
  expect(next.content[1].content.stdout).toBe('kept.txt\n');
});

it('is a pause for a history that ends in blocks of ours: it goes on from there', async () => {
  service.upstream.say([calls.python('print(6 * 7)')], [{ text: 'It is 42.' }]);
  const first = (await (await post({ tools })).json()) as Event;
  service.upstream.say([{ text: 'It is 42.' }]);
  const messages = [
    { role: 'user', content: 'Go' },
    { role: 'assistant', content: first.content.slice(0, 2) },
  ];
  const second = (await (await post({ tools, messages, container: first.container.id })).json()) as Event;
  expect(second.content).toEqual([{ type: 'text', text: 'It is 42.' }]);
  const sent = service.upstream.requests.at(-1)!.body.messages as { role: string }[];
  expect(sent.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
});
