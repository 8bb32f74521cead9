import { OpenAI, toFile } from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts';

/** The assistants' style over a scripted model and a real sandbox: `/v1/model/response`, `inputs`, modes, `/v1/assistants`. */
let upstream: ScriptedUpstream;
let server: TestServer;
const keys = { ann: 'sk-ann-0123456789', bob: 'sk-bob-0123456789' };
beforeAll(async () => {
  upstream = await startUpstream();
  server = await startServer({
    env: {
      DRAGOMAN_API_KEYS: `ann:${keys.ann},bob:${keys.bob}`,
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
      DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
      DRAGOMAN_UPSTREAM_MODEL: 'scripted-model',
      DRAGOMAN_UPSTREAM_RETRIES: '0',
    },
  });
});
afterEach(() => upstream.reset());
afterAll(async () => {
  await server?.stop();
  await upstream?.close();
});

interface Answer {
  readonly id: string;
  readonly status: string;
  readonly output: readonly {
    readonly type: string;
    readonly container_id?: string;
    readonly outputs?: readonly { readonly type: string; readonly text: string }[];
    readonly content?: readonly {
      readonly text: string;
      readonly annotations: readonly { readonly file_id: string }[];
    }[];
  }[];
}

async function send(method: string, path: string, body?: object, key = keys.ann) {
  const response = await fetch(`${server.url}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  // biome-ignore lint/suspicious/noExplicitAny: tests know what they look for
  return { status: response.status, body: (await response.json()) as any };
}

const inputs = [{ role: 'user', content: 'What is 6 times 7?' }];
const code = (mode?: string) => [{ type: 'code_interpreter', ...(mode ? { mode } : {}) }];
const asked = (turn = 0) => upstream.requests[turn]!.body;
const ask = async (body: object, path = '/model/response', key = keys.ann) => {
  const answer = await send('POST', path, { inputs, ...body }, key);
  expect(answer.body.error ?? null).toBeNull();
  return answer.body as Answer;
};

describe('a model’s response', () => {
  test.each(['/model/response', '/responses'])('by %s has what code printed as text', async (path) => {
    upstream.say([{ python: 'print(6 * 7)\n"value"' }], [{ text: 'It is 42.' }]);
    const answer = await ask({ tools: code(), organization_id: 'org_1', assistant_id: 'theirs' }, path);
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^resp_/),
      object: 'response',
      created_at: expect.closeTo(Date.now() / 1000, -2),
      status: 'completed',
      organization_id: 'org_1',
      assistant_id: 'theirs',
      usage: { input_tokens: 20, output_tokens: 10 },
    });
    expect(answer.output).toEqual([
      {
        id: expect.stringMatching(/^ci_/),
        type: 'code_interpreter_call',
        status: 'completed',
        code: 'print(6 * 7)\n"value"',
        container_id: expect.stringMatching(/^cntr_/),
        outputs: [{ type: 'text', text: "42\n'value'" }],
      },
      {
        id: expect.stringMatching(/^msg_/),
        type: 'message',
        status: 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'It is 42.', annotations: [] }],
      },
    ]);
  });

  test('cites the files code made', async () => {
    upstream.say([{ python: 'open("a.txt", "w").write("made")' }], [{ text: 'Done.' }]);
    const { output } = await ask({ tools: code() });
    const [{ file_id: file } = { file_id: '' }] = output[1]!.content![0]!.annotations;
    const content = await fetch(`${server.url}/v1/containers/${output[0]!.container_id}/files/${file}/content`, {
      headers: { authorization: `Bearer ${keys.ann}` },
    });
    expect(await content.text()).toBe('made');
  });

  test('is one of `/v1/responses`, which it can go on from', async () => {
    upstream.say([{ python: 'x = 41' }], [{ text: 'Kept.' }], [{ python: 'print(x + 1)' }], [{ text: '42' }]);
    const first = await ask({ tools: code() });
    expect((await send('GET', `/responses/${first.id}`)).body).toMatchObject({ id: first.id, status: 'completed' });
    const second = await ask({ tools: code(), previous_response_id: first.id });
    expect(second.output[0]!.outputs).toEqual([{ type: 'text', text: '42\n' }]);
    expect(second.output[0]!.container_id).toBe(first.output[0]!.container_id);
  });

  test('is told of in events', async () => {
    upstream.say([{ python: 'print(1)' }], [{ text: ['It is ', '1.'] }]);
    const response = await fetch(`${server.url}/v1/model/response`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keys.ann}`, 'content-type': 'application/json' },
      body: JSON.stringify({ inputs, tools: code(), stream: true }),
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const events = (await response.text())
      .split('\n\n')
      .filter((frame) => frame.startsWith('event: '))
      .map((frame) => JSON.parse(frame.split('\ndata: ')[1]!));
    expect(events[0].type).toBe('response.created');
    const deltas = events.filter(({ type }) => type === 'response.output_text.delta');
    expect(deltas.map(({ index, delta }) => [index, delta])).toEqual([
      [1, 'It is '],
      [1, '1.'],
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { status: 'completed' } });
    expect(events.at(-1).response.output[0].outputs).toEqual([{ type: 'text', text: '1\n' }]);
    expect(JSON.stringify(events)).not.toContain('"logs"');
  });

  test('reads inputs in all their forms', async () => {
    const file = await new OpenAI({ apiKey: keys.ann, baseURL: `${server.url}/v1` }).files.create({
      file: await toFile(Buffer.from('a,b'), 'in.csv'),
      purpose: 'user_data',
    });
    upstream.say([{ python: 'print(open("in.csv").read())' }], [{ text: 'Done.' }]);
    const { output } = await ask({
      tools: code(),
      inputs: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', texts: ['One', { text: 'Two' }], images: [], audio: [], files: [file.id] },
        { role: 'assistant', content: [{ type: 'text', text: 'Three' }] },
        { role: 'user', content: ['Four', { type: 'input_text', text: 'Five' }] },
      ],
    });
    expect(output[0]!.outputs).toEqual([{ type: 'text', text: 'a,b\n' }]);
    const seen = JSON.stringify(asked().messages);
    for (const word of ['Be brief.', 'One', 'Two', 'Three', 'Four', 'Five']) expect(seen).toContain(word);
  });

  test.each([
    [{ inputs: [] }, 'inputs'],
    [{ inputs: [{ role: 'user' }] }, 'inputs[0].content'],
    [{ inputs: [{ role: 'robot', content: 'x' }] }, 'inputs[0].role'],
    [{ inputs: [{ role: 'user', texts: ['x'], audio: ['y'] }] }, 'inputs[0].audio'],
    [{ tools: [{ type: 'web_search' }] }, 'tools[0].type'],
    [{ tools: code('sometimes') }, 'tools[0].mode'],
  ])('refuses %j, naming the field', async (fields, param) => {
    const { status, body } = await send('POST', '/model/response', { inputs, ...fields });
    expect([status, body.error.param]).toEqual([400, param]);
    expect(upstream.requests).toEqual([]);
  });
});

describe('the mode', () => {
  test.each([
    ['auto', code('auto')],
    ['absent', code()],
    ['auto, in an object', { code_interpreter: 'auto' }],
  ])('%s lets the model decide', async (_, tools) => {
    upstream.say([{ text: 'Hello.' }]);
    await ask({ tools });
    expect(asked().tools).toHaveLength(1);
    expect([undefined, 'auto']).toContain(asked().tool_choice);
  });

  test.each([
    ['on', code('on')],
    ['on, in an object', { code_interpreter: 'on' }],
    ['on, deeper in an object', { code_interpreter: { mode: 'on' } }],
  ])('%s has code run first, once', async (_, tools) => {
    upstream.say([{ python: '1' }], [{ text: 'Done.' }]);
    await ask({ tools });
    expect(asked(0).tool_choice).toMatchObject({ type: 'function' });
    expect([undefined, 'auto']).toContain(asked(1).tool_choice);
  });

  test.each([
    ['off', code('off')],
    ['off, in an object', { code_interpreter: 'off' }],
    ['of no tools', []],
  ])('%s withholds the tool', async (_, tools) => {
    upstream.say([{ text: 'Hello.' }]);
    await ask({ tools });
    expect(asked().tools ?? []).toEqual([]);
  });
});

describe('a block of code', () => {
  test('is told that it has 30 seconds', async () => {
    upstream.say([{ text: 'Hello.' }]);
    await ask({ tools: code() });
    expect(JSON.stringify(asked().tools)).toContain('30 s');
  });
});

describe('an assistant', () => {
  const fields = { model: 'scripted-model', instructions: 'Answer in numbers.', tools: code('on') };

  test('is made, found, changed, listed and removed by OpenAI’s own client', async () => {
    const { assistants } = new OpenAI({ apiKey: keys.bob, baseURL: `${server.url}/v1` }).beta;
    const made = await assistants.create({ model: 'm', name: 'One', tools: [{ type: 'code_interpreter' }] });
    expect(made).toEqual({
      id: expect.stringMatching(/^asst_[\w-]{21}$/),
      object: 'assistant',
      created_at: expect.any(Number),
      name: 'One',
      description: null,
      model: 'm',
      instructions: null,
      tools: [{ type: 'code_interpreter' }],
      files: [],
      tool_resources: { code_interpreter: { file_ids: [] } },
      metadata: {},
      temperature: null,
      top_p: null,
    });
    expect(await assistants.retrieve(made.id)).toEqual(made);
    const changed = await assistants.update(made.id, { instructions: 'Be brief.', tools: [] });
    expect(changed).toEqual({ ...made, instructions: 'Be brief.', tools: [] });
    const other = await assistants.create({ model: 'n' });
    const ids = [];
    for await (const { id } of assistants.list({ limit: 1 })) ids.push(id);
    expect(ids).toEqual([other.id, made.id]);
    expect(await assistants.delete(made.id)).toEqual({ id: made.id, object: 'assistant.deleted', deleted: true });
    await expect(assistants.retrieve(made.id)).rejects.toMatchObject({ status: 404 });
  });

  test('is what its id stands for in a request, which may say otherwise', async () => {
    const { body: assistant } = await send('POST', '/assistants', fields);
    upstream.say([{ python: '1' }], [{ text: '1' }], [{ text: 'Hello.' }]);
    await ask({ assistant_id: assistant.id });
    expect(JSON.stringify(asked().messages)).toContain('Answer in numbers.');
    expect(asked().tool_choice).toMatchObject({ type: 'function' });
    await ask({ assistant_id: assistant.id, tools: code('off'), instructions: 'In words.', model: 'other' });
    expect(asked(2)).toMatchObject({ model: 'other' });
    expect(asked(2).tools ?? []).toEqual([]);
    expect(JSON.stringify(asked(2).messages)).toMatch(/Answer in numbers.*In words/s);
  });

  test('brings its files, those that are still there', async () => {
    const { files } = new OpenAI({ apiKey: keys.ann, baseURL: `${server.url}/v1` });
    const store = async (name: string) =>
      files.create({ file: await toFile(Buffer.from(name), name), purpose: 'assistants' });
    const [kept, gone] = [await store('kept.txt'), await store('gone.txt')];
    const { body: assistant } = await send('POST', '/assistants', { ...fields, files: [kept.id, gone.id] });
    await files.delete(gone.id);
    upstream.say([{ python: 'import os; print(os.listdir())' }], [{ text: 'Done.' }]);
    const { output } = await ask({ assistant_id: assistant.id });
    expect(output[0]!.outputs).toEqual([{ type: 'text', text: "['kept.txt']\n" }]);
    expect((await send('POST', '/assistants', { ...fields, files: [gone.id] })).body.error).toMatchObject({
      param: 'files[0]',
    });
  });

  test('is its maker’s alone', async () => {
    const { body: assistant } = await send('POST', '/assistants', fields);
    for (const [method, path, body] of [
      ['GET', `/assistants/${assistant.id}`, undefined],
      ['POST', `/assistants/${assistant.id}`, { name: 'mine' }],
      ['DELETE', `/assistants/${assistant.id}`, undefined],
      ['POST', '/model/response', { inputs, assistant_id: assistant.id }],
    ] as const) {
      const answer = await send(method, path, body, keys.bob);
      expect(answer).toMatchObject({
        status: 404,
        body: { error: { message: expect.stringContaining('No assistant') } },
      });
    }
    expect((await send('GET', '/assistants', undefined, keys.bob)).body.data).not.toContainEqual(assistant);
  });
});
