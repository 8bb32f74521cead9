import { createOpenAI } from '@ai-sdk/openai';
import { generateText, isStepCount, streamText, tool } from 'ai';
import { OpenAI } from 'openai';
import { OpenAI as PreviousOpenAI } from 'openai-previous';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startServer, type TestServer } from '../support/server.ts';
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts';

/** `/v1/chat/completions` with a code interpreter, as OpenAI's own client sees it, over a scripted model and a real sandbox. */
let upstream: ScriptedUpstream;
let server: TestServer;
let ann: OpenAI;
let bob: OpenAI;
const keys = { ann: 'sk-ann-0123456789', bob: 'sk-bob-0123456789' };
beforeAll(async () => {
  upstream = await startUpstream({ models: ['scripted-model', 'vendor/other'] });
  server = await startServer({
    env: {
      DRAGOMAN_API_KEYS: `ann:${keys.ann},bob:${keys.bob}`,
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
      DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
      DRAGOMAN_UPSTREAM_RETRIES: '0',
    },
  });
  [ann, bob] = [keys.ann, keys.bob].map((apiKey) => new OpenAI({ apiKey, baseURL: `${server.url}/v1` })) as [
    OpenAI,
    OpenAI,
  ];
});
afterEach(() => upstream.reset());
afterAll(async () => {
  await server?.stop();
  await upstream?.close();
});

interface CodeCall {
  readonly container_id: string | null;
  readonly code: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly results: readonly Record<string, unknown>[];
  readonly error: { readonly name: string; readonly value: string; readonly traceback: string } | null;
  readonly files: readonly { readonly id: string; readonly path: string; readonly bytes: number }[];
}

type Params = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, 'tools' | 'messages'>;

const code = (fields: object = {}) => ({ type: 'code_interpreter', ...fields }) as unknown as OpenAI.ChatCompletionTool;
const weather: OpenAI.ChatCompletionTool = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};
const hello: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'What is 6 times 7?' }];
const model = 'scripted-model';
const ask = (tools = [code()], params: Partial<Params> = {}, messages = hello, client = ann) =>
  client.chat.completions.create({ model, messages, tools, ...params });
const stream = (tools = [code()], params: object = {}, messages = hello, client = ann) =>
  client.chat.completions.stream({ model, messages, tools, ...params });
const callsOf = (message: object) => (message as { code_interpreter_calls: CodeCall[] }).code_interpreter_calls;
const shown = (turn: number) => JSON.parse(upstream.requests[turn]!.body.messages.at(-1).content);
const containers = async (client = ann) => (await client.containers.list()).data.map(({ id }) => id);
/** The containers that are there now and were not before. */
const made = (before: readonly string[]) => async () => (await containers()).filter((id) => !before.includes(id));

describe('an answer', () => {
  test('comes from code the model wrote, and is an ordinary completion', async () => {
    upstream.say([{ python: 'print(6 * 7)\n6 * 7' }], [{ text: ['It is ', '42.'] }]);
    const completion = await ask();
    expect(completion).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      created: expect.closeTo(Date.now() / 1000, -2),
      usage: { prompt_tokens: 20, completion_tokens: 10, total_tokens: 30 },
    });
    const [choice] = completion.choices;
    expect(choice).toMatchObject({ index: 0, finish_reason: 'stop', logprobs: null });
    expect(choice!.message).toMatchObject({ role: 'assistant', content: 'It is 42.', refusal: null });
    expect(callsOf(choice!.message)).toEqual([
      {
        id: expect.stringMatching(/^ci_/),
        code: 'print(6 * 7)\n6 * 7',
        container_id: null,
        stdout: '42\n',
        stderr: '',
        results: [{ text: '42' }],
        error: null,
        files: [],
      },
    ]);
    expect(shown(1)).toMatchObject({ stdout: '42\n', stderr: '', results: [{ text: '42' }], error: null });
  });

  test.each([
    ['newest', OpenAI],
    ['previous', PreviousOpenAI as unknown as typeof OpenAI],
  ])('streams to the %s client', async (_, Client) => {
    upstream.say([{ text: 'Let me see.' }, { python: 'print(6 * 7)' }], [{ text: ['It is ', '42.'] }]);
    const client = new Client({ apiKey: keys.ann, baseURL: `${server.url}/v1` });
    const options = { model, messages: hello, tools: [code()], stream_options: { include_usage: true } };
    const running = client.chat.completions.stream(options as never);
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of running) chunks.push(chunk as OpenAI.ChatCompletionChunk);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks[0]!.choices[0]!.delta.role).toBe('assistant');
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 20, completion_tokens: 10 } });
    const completion = await running.finalChatCompletion();
    const { message, finish_reason } = completion.choices[0]!;
    expect([message.content, finish_reason]).toEqual(['Let me see.\n\nIt is 42.', 'stop']);
    expect(callsOf(message)).toMatchObject([{ code: 'print(6 * 7)', stdout: '42\n' }]);
  });

  test('never shows the hosted tool as a tool call', async () => {
    upstream.say([{ python: '1' }], [{ python: '2' }], [{ text: 'Done.' }]);
    const completion = await ask();
    expect(JSON.stringify(completion)).not.toContain('tool_calls');
    upstream.say([{ python: '1' }], [{ python: '2' }], [{ text: 'Done.' }]);
    for await (const chunk of await ann.chat.completions.create({
      model,
      messages: hello,
      tools: [code()],
      stream: true,
    })) {
      expect(JSON.stringify(chunk)).not.toContain('tool_calls');
    }
  });

  test('has exceptions and rich results as data', async () => {
    const raising = 'import sys; print("err", file=sys.stderr); raise ValueError("no")';
    const drawing = 'import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()';
    upstream.say([{ python: raising }], [{ python: drawing }], [{ text: 'Done.' }]);
    const completion = await ask();
    const [raised, drawn] = callsOf(completion.choices[0]!.message);
    expect(raised).toMatchObject({
      stderr: 'err\n',
      error: { name: 'ValueError', value: 'no', traceback: expect.stringContaining('ValueError: no') },
    });
    expect(JSON.parse(upstream.requests[1]!.body.messages.at(-1).content)).toMatchObject({
      stderr: 'err\n',
      error: { name: 'ValueError', value: 'no' },
    });
    const png = Buffer.from(drawn!.results[0]!.png as string, 'base64');
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(completion.choices[0]!.finish_reason).toBe('stop');
  });

  test('has a limit that was reached as data', async () => {
    for (const limits of [
      { timeout_ms: 2500 },
      { sandbox_timeout_ms: 2500 },
      { timeout_ms: 2500, sandbox_timeout_ms: 9e9 },
    ]) {
      upstream.reset();
      upstream.say([{ python: 'print("on", flush=True)\nwhile True: pass' }], [{ text: 'Done.' }]);
      const [endless] = callsOf((await ask([code(limits)])).choices[0]!.message);
      expect(endless!.stdout).toBe('on\n');
      expect(endless!.error).not.toBeNull();
    }
  });

  test('without code is passed on as it is', async () => {
    upstream.say([{ text: 'Hello.' }]);
    const fields = { seed: 7, stop: ['END'], top_k: 3, temperature: 0.5, max_tokens: 9 } as object;
    const completion = await ann.chat.completions.create({ model, messages: hello, ...fields });
    expect(completion.choices[0]!.message.content).toBe('Hello.');
    expect(completion.choices[0]!.message).not.toHaveProperty('code_interpreter_calls');
    expect(upstream.requests[0]!.body).toMatchObject({
      seed: 7,
      stop: ['END'],
      top_k: 3,
      temperature: 0.5,
      max_tokens: 9,
    });
    expect(upstream.requests[0]!.body.tools).toBeUndefined();
  });
});

describe('the sandbox', () => {
  test('is shared by the runs of a request, and by no other', async () => {
    upstream.say([{ python: 'x = 41' }], [{ python: 'print(x + 1)' }], [{ text: 'Done.' }]);
    const before = await containers();
    expect(callsOf((await ask()).choices[0]!.message)[1]).toMatchObject({ stdout: '42\n' });
    upstream.say([{ python: 'print(x)' }], [{ text: 'Done.' }]);
    expect(callsOf((await ask()).choices[0]!.message)[0]).toMatchObject({ error: { name: 'NameError' } });
    await expect.poll(made(before)).toEqual([]);
  });

  test('stays when it holds files, which can be downloaded at once', async () => {
    upstream.say([{ python: "open('a.txt', 'w').write('made')" }], [{ text: '[a](sandbox:/mnt/data/a.txt)' }]);
    const { message } = (await ask()).choices[0]!;
    expect(message.content).toBe('[a](sandbox:/mnt/data/a.txt)');
    const [call] = callsOf(message);
    expect(call!.files).toEqual([{ id: expect.stringMatching(/^cfile_/), path: '/mnt/data/a.txt', bytes: 4 }]);
    const container_id = call!.container_id!;
    const content = await ann.containers.files.content.retrieve(call!.files[0]!.id, { container_id });
    expect(await content.text()).toBe('made');
    await expect(bob.containers.retrieve(container_id)).rejects.toMatchObject({ status: 404 });
  });

  test('can be a container of the client’s, which is left as it is', async () => {
    const { id } = await ann.containers.create({ name: 'mine' });
    upstream.say([{ python: 'y = 1' }], [{ text: 'Done.' }], [{ python: 'print(y)' }], [{ text: 'Done.' }]);
    await ask([code({ container: id })]);
    expect(callsOf((await ask([code({ container: id })])).choices[0]!.message)).toMatchObject([
      { stdout: '1\n', container_id: id },
    ]);
    const refused = ask([code({ container: id })], {}, hello, bob);
    await expect(refused).rejects.toMatchObject({ status: 404, message: `404 Container with id '${id}' not found.` });
  });

  test('holds the files of the messages', async () => {
    const file = await ann.files.create({ file: new File(['a,b'], 'stored.csv'), purpose: 'user_data' });
    const content: OpenAI.ChatCompletionContentPart[] = [
      { type: 'text', text: 'Look.' },
      { type: 'file', file: { file_id: file.id } },
      { type: 'file', file: { filename: 'inline é.txt', file_data: `data:text/plain;base64,${btoa('inline')}` } },
    ];
    upstream.say(
      [{ python: 'import os; print(sorted(os.listdir()), open("stored.csv").read())' }],
      [{ text: 'Done.' }],
    );
    const [call] = callsOf((await ask([code()], {}, [{ role: 'user', content }])).choices[0]!.message);
    expect(call!.stdout).toBe("['inline é.txt', 'stored.csv'] a,b\n");
    const tools = JSON.stringify(upstream.requests[0]!.body.tools);
    expect(tools).toContain('stored.csv');
    await expect(ask([code()], {}, [{ role: 'user', content }], bob)).rejects.toMatchObject({
      status: 404,
      param: 'messages[0].content[1].file.file_id',
    });
  });

  test('goes on without those of answered messages that are gone', async () => {
    const file = await ann.files.create({ file: new File(['x'], 'x.txt'), purpose: 'user_data' });
    await ann.files.delete(file.id);
    const attached: OpenAI.ChatCompletionMessageParam = {
      role: 'user',
      content: [{ type: 'file', file: { file_id: file.id } }],
    };
    upstream.always((request) =>
      request.body.messages.at(-1).role === 'tool' ? [{ text: 'Done.' }] : [{ python: 'print(6 * 7)' }],
    );
    const answered = [attached, { role: 'assistant' as const, content: 'Seen.' }, ...hello];
    expect(callsOf((await ask([code()], {}, answered)).choices[0]!.message)).toMatchObject([{ stdout: '42\n' }]);
    await expect(ask([code()], {}, [...answered, attached])).rejects.toMatchObject({ status: 404 });
  });

  test('may be asked for as in a response, with files', async () => {
    const file = await ann.files.create({ file: new File(['listed'], 'list.txt'), purpose: 'user_data' });
    upstream.say([{ python: 'print(open("list.txt").read())' }], [{ text: 'Done.' }]);
    const auto = (id: string) => code({ container: { type: 'auto', file_ids: [id] } });
    const [call] = callsOf((await ask([auto(file.id)])).choices[0]!.message);
    expect(call!.stdout).toBe('listed\n');
    await expect(ask([weather, auto('file-none')])).rejects.toMatchObject({
      status: 404,
      param: 'tools[1].container.file_ids[0]',
    });
  });
});

describe('functions of the client', () => {
  test('are tool calls, and what ran before them is there when they are answered', async () => {
    upstream.say([{ text: 'First.' }, { python: 'z = 40\nz' }], [{ call: 'weather', arguments: { city: 'Bern' } }]);
    const first = (await ask([code(), weather])).choices[0]!;
    expect(first).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ type: 'function', function: { name: 'weather', arguments: '{"city":"Bern"}' } }] },
    });
    const { tool_calls } = first.message;
    const answered: OpenAI.ChatCompletionMessageParam[] = [
      ...hello,
      { role: 'assistant', content: first.message.content, tool_calls: tool_calls! },
      { role: 'tool', tool_call_id: tool_calls![0]!.id, content: '2 degrees' },
    ];
    upstream.say([{ python: 'print(z + 2)' }], [{ text: 'It is 42.' }]);
    const second = await ask([code(), weather], {}, answered);
    expect(callsOf(second.choices[0]!.message)).toMatchObject([{ stdout: '42\n' }]);
    const seen = upstream.requests[2]!.body.messages;
    expect(JSON.stringify(seen)).toContain('z = 40');
    expect(seen.at(-1)).toMatchObject({ role: 'tool', content: '2 degrees' });
    // Another's history with the same ids is just a history.
    upstream.say([{ text: 'Hello.' }]);
    await ask([code(), weather], {}, answered, bob);
    expect(JSON.stringify(upstream.requests.at(-1)!.body.messages)).not.toContain('z = 40');
  });

  test('stream as their arguments are written', async () => {
    upstream.say([{ python: '1' }], [{ call: 'weather', arguments: ['{"city":', '"Bern"}'] }]);
    const running = stream([code(), weather]);
    const names: string[] = [];
    running.on('tool_calls.function.arguments.done', ({ name }) => names.push(name));
    const { message, finish_reason } = (await running.finalChatCompletion()).choices[0]!;
    expect([names, finish_reason]).toEqual([['weather'], 'tool_calls']);
    expect(message.tool_calls![0]).toMatchObject({ function: { name: 'weather', arguments: '{"city":"Bern"}' } });
  });

  test('alone are passed on with the model’s own ids', async () => {
    upstream.say([{ call: 'weather', arguments: { city: 'Bern' }, id: 'call_own' }]);
    const { message } = (await ask([weather])).choices[0]!;
    expect(message.tool_calls![0]!.id).toBe('call_own');
  });
});

describe('a choice of tools', () => {
  test('of code forces it once', async () => {
    upstream.say([{ python: '1' }], [{ text: 'Done.' }]);
    await ask([code()], { tool_choice: code() as never });
    const [first, second] = upstream.requests.map(({ body }) => body.tool_choice);
    expect(first).not.toEqual(second);
    expect([undefined, 'auto']).toContain(second);
  });

  test('of none withholds it', async () => {
    upstream.say([{ text: 'Done.' }]);
    await ask([code()], { tool_choice: 'none' });
    const { tools, tool_choice } = upstream.requests[0]!.body;
    expect(tools === undefined || tool_choice === 'none').toBe(true);
  });
});

describe('a stream', () => {
  test('leaves as the model writes, while it still does', async () => {
    const heard = Promise.withResolvers<void>();
    upstream.say([{ text: 'First.' }, { until: heard.promise }, { text: ' Second.' }]);
    let content = '';
    for await (const { choices } of stream()) {
      content += choices[0]?.delta.content ?? '';
      if (content === 'First.') heard.resolve();
    }
    expect(content).toBe('First. Second.');
  });

  test('ends in [DONE], has an id of the request, and is not held back by proxies', async () => {
    upstream.say([{ python: '1' }], [{ text: 'Done.' }]);
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keys.ann}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: hello, tools: [code()], stream: true }),
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('x-request-id')).toBeTruthy();
    const frames = (await response.text()).trim().split('\n\n');
    expect(frames.at(-1)).toBe('data: [DONE]');
    for (const frame of frames.slice(0, -1)) {
      const chunk = JSON.parse(frame.replace('data: ', ''));
      expect(chunk).toMatchObject({ object: 'chat.completion.chunk', choices: [{ index: 0, logprobs: null }] });
      expect(Number.isInteger(chunk.created)).toBe(true);
      expect(chunk).not.toHaveProperty('usage');
    }
  });
});

describe('the Vercel AI SDK’s chat model', () => {
  const sdk = () => createOpenAI({ apiKey: keys.ann, baseURL: `${server.url}/v1` }).chat(model);
  const tools = {
    weather: tool({
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => `2 degrees in ${city}`,
    }),
  };

  test('has its functions called, streamed and not', async () => {
    for (const streamed of [false, true]) {
      upstream.reset();
      upstream.say([{ call: 'weather', arguments: { city: 'Bern' } }], [{ text: 'It is cold.' }]);
      const options = { model: sdk(), prompt: 'How is Bern?', tools, stopWhen: isStepCount(3) };
      const result = streamed ? streamText(options) : await generateText(options);
      expect(await result.text).toBe('It is cold.');
      expect(upstream.requests[1]!.body.messages.at(-1)).toMatchObject({ role: 'tool', content: '2 degrees in Bern' });
    }
  });

  test('shows why a request was refused', async () => {
    const broken = createOpenAI({ apiKey: 'nobody', baseURL: `${server.url}/v1` }).chat(model);
    await expect(generateText({ model: broken, prompt: 'Hi', maxRetries: 0 })).rejects.toThrow('Invalid API key');
  });
});

describe('what goes wrong', () => {
  test.each([
    [{ tools: [code(), { type: 'web_search' }] }, 'tools[1].type'],
    [{ tools: [code({ timeout_ms: 'soon' })] }, 'tools[0].timeout_ms'],
    [{ tools: [code({ sandbox_timeout_ms: -1 })] }, 'tools[0].sandbox_timeout_ms'],
    [{ tools: [code()], n: 3 }, 'n'],
  ])('in the request is refused before a model is asked: %j', async (fields, param) => {
    for (const stream of [false, true]) {
      const attempt = ann.chat.completions.create({ model, messages: hello, stream, ...fields } as never);
      await expect(attempt).rejects.toMatchObject({ status: 400, type: 'invalid_request_error', param });
    }
    expect(upstream.requests).toEqual([]);
  });

  test('at the model is told with a status, also to a client that wants a stream', async () => {
    for (const stream of [false, true]) {
      upstream.reset();
      upstream.say({ status: 500 });
      const client = ann.withOptions({ maxRetries: 0 });
      const attempt = client.chat.completions.create({ model, messages: hello, stream, tools: [code()] } as never);
      await expect(attempt).rejects.toMatchObject({ status: 502 });
    }
  });

  test('after code ran is not tried again by the client', async () => {
    upstream.say([{ python: '1' }], { status: 500 }, [{ python: '1' }], [{ text: 'Done.' }]);
    await expect(ask()).rejects.toMatchObject({ status: 502 });
    expect(upstream.requests).toHaveLength(2);
  });

  test('in the middle of a stream is an error of the stream', async () => {
    upstream.say([{ text: 'Well' }, { python: '1' }], { status: 500 });
    await expect(stream().finalChatCompletion()).rejects.toMatchObject({ type: 'server_error' });
  });

  test('leaves no container behind', async () => {
    upstream.say([{ python: '1' }], { status: 500 });
    const [before] = await Promise.all([containers(), expect(ask()).rejects.toMatchObject({ status: 502 })]);
    await expect.poll(made(before)).toEqual([]);
  });

  test('when the client leaves, code and model are left too', async () => {
    upstream.say([{ python: 'print("on", flush=True)\nwhile True: pass' }]);
    const before = await containers();
    const controller = new AbortController();
    const options = { model, messages: hello, tools: [code()], stream: true as const };
    const running = await ann.chat.completions.create(options, { signal: controller.signal });
    setTimeout(() => controller.abort(), 500);
    const chunks = [];
    for await (const chunk of running) chunks.push(chunk);
    expect(chunks.length).toBeLessThan(4);
    await expect.poll(made(before), { timeout: 20_000 }).toEqual([]);
  });
});

describe('models', () => {
  test('are listed and found by id, slashes included', async () => {
    const { data } = await ann.models.list();
    expect(data.map(({ id }) => id)).toContain('scripted-model');
    for (const { created, object } of data) expect([object, Number.isInteger(created)]).toEqual(['model', true]);
    const slashed = data.find(({ id }) => id.includes('/'))!;
    expect(await ann.models.retrieve(slashed.id)).toEqual(slashed);
    await expect(ann.models.retrieve('none/such')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
    });
  });
});
