import { readFile } from 'node:fs/promises';
import OpenAI from 'openai';
import PreviousOpenAI from 'openai-previous';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { NumberedWireEvent } from '../../src/dialects/openai/responses/events.ts';
import { fold } from '../../src/dialects/openai/responses/fixtures/fold.ts';
import { model, type OpenAiService, startOpenAi } from '../support/openai.ts';

/** OpenAI's own SDK, in its two newest majors, against a real server and a scripted model. */
let service: OpenAiService;
beforeAll(async () => {
  service = await startOpenAi();
});
afterAll(() => service?.stop());
afterEach(() => service.upstream.reset());

const tools = [{ type: 'code_interpreter' as const, container: { type: 'auto' as const } }];
const include = ['code_interpreter_call.outputs' as const];
const ask = { model, input: 'Go', tools, include };
const logs = (text: string) => ({ type: 'logs', logs: text });

type Item = OpenAI.Responses.ResponseOutputItem;
const codeOf = (output: readonly Item[]) => output.filter((item) => item.type === 'code_interpreter_call');
const citationsOf = (output: readonly Item[]) =>
  output.flatMap((item) =>
    item.type === 'message'
      ? item.content.flatMap((part) =>
          part.type === 'output_text'
            ? part.annotations.filter((annotation) => annotation.type === 'container_file_citation')
            : [],
        )
      : [],
  );

const clients: [string, () => OpenAI][] = [
  ['openai 7', () => service.client],
  ['openai 6', () => service.previous as unknown as OpenAI],
];

describe.each(clients)('%s', (_, client) => {
  it('creates a response whose code ran, with its text', async () => {
    service.upstream.say([{ text: 'I compute.' }, { python: 'print(6 * 7)' }], [{ text: ['It is ', '42.'] }]);
    const response = await client().responses.create(ask);
    expect(response.output_text).toBe('I compute.It is 42.');
    expect(response.output.map(({ type }) => type)).toEqual(['message', 'code_interpreter_call', 'message']);
    expect(codeOf(response.output)).toMatchObject([
      {
        code: 'print(6 * 7)',
        status: 'completed',
        outputs: [logs('42\n')],
        container_id: expect.stringMatching(/^cntr_/),
      },
    ]);
    expect(response.usage).toMatchObject({ input_tokens: 20, output_tokens: 10, total_tokens: 30 });
    expect(response._request_id).toEqual(expect.any(String));
  });

  it('streams it through the helper, every event known and every index there', async () => {
    service.upstream.say([{ reasoning: 'Hm.' }, { python: 'print(6 * 7)' }], [{ text: ['It is ', '42.'] }]);
    const stream = client().responses.stream(ask);
    const events: NumberedWireEvent[] = [];
    for await (const event of stream) events.push(structuredClone(event) as unknown as NumberedWireEvent);
    const final = await stream.finalResponse();
    expect(final.output_text).toBe('It is 42.');
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, at) => at));
    expect(events.at(-1)!.type).toBe('response.completed');
  });

  it('throws a proper error for one in the middle of a stream', async () => {
    service.upstream.say([{ python: 'print(1)' }], { status: 400 });
    const streamed = async () => {
      for await (const _ of await client().responses.create({ ...ask, stream: true }));
    };
    await expect(streamed()).rejects.toThrow(/provider|model/i);
    service.upstream.say([{ python: 'print(1)' }], { status: 400 });
    const helper = client().responses.stream(ask);
    await expect(helper.finalResponse()).rejects.toThrow(/provider|model/i);
  });

  it('uploads a file that code reads, and downloads the one that code made', async () => {
    const { id } = await client().files.create({ file: new File(['6,7'], 'in.csv'), purpose: 'user_data' });
    const code = 'a, b = open("in.csv").read().split(",")\nopen("out.txt", "w").write(str(int(a) * int(b)))';
    service.upstream.say([{ python: code }], [{ text: '[out](sandbox:/mnt/data/out.txt)' }]);
    const { output } = await client().responses.create({
      ...ask,
      tools: [{ type: 'code_interpreter', container: { type: 'auto', file_ids: [id] } }],
    });
    const [cited] = citationsOf(output);
    expect(cited).toMatchObject({ filename: 'out.txt', file_id: expect.stringMatching(/^cfile_/) });
    const { file_id, container_id } = cited!;
    const content = await client().containers.files.content.retrieve(file_id, { container_id });
    expect(await content.text()).toBe('42');
    const paths = [];
    for await (const { path, source } of client().containers.files.list(container_id, { order: 'asc' }))
      paths.push([path, source]);
    expect(paths).toEqual([
      ['/mnt/data/in.csv', 'user'],
      ['/mnt/data/out.txt', 'assistant'],
    ]);
  });

  it.each(['by reference', 'sent again'])('goes on from a response, %s, with its variables', async (how) => {
    service.upstream.say([{ python: 'x = 41' }], [{ text: 'Kept.' }]);
    const first = await client().responses.create(ask);
    service.upstream.say([{ python: 'print(x + 1)' }], [{ text: 'It is 42.' }]);
    const history = [
      { role: 'user' as const, content: 'Go' },
      ...(first.output as OpenAI.Responses.ResponseInput),
      { role: 'user' as const, content: 'Add one' },
    ];
    const second = await client().responses.create(
      how === 'by reference' ? { ...ask, previous_response_id: first.id } : { ...ask, input: history },
    );
    expect(codeOf(second.output)).toMatchObject([{ outputs: [logs('42\n')] }]);
    expect(codeOf(second.output)[0]!.container_id).toBe(codeOf(first.output)[0]!.container_id);
    expect(JSON.stringify(service.upstream.requests.at(-1)!.body)).toContain('x = 41');
  });

  it('finds outputs on retrieval when it asks for them', async () => {
    service.upstream.say([{ python: '1 + 1' }], [{ text: 'ok' }]);
    const { id } = await client().responses.create(ask);
    expect(codeOf((await client().responses.retrieve(id)).output)).toMatchObject([{ outputs: null }]);
    expect(codeOf((await client().responses.retrieve(id, { include })).output)).toMatchObject([
      { outputs: [logs('2')] },
    ]);
  });

  it('compacts a conversation and goes on from what is left, variables included', async () => {
    service.upstream.say([{ python: 'x = 6 * 7' }], [{ text: 'Kept.' }], [{ text: 'x holds the product.' }]);
    const { id } = await client().responses.create(ask);
    const { output, usage } = await client().responses.compact({ model, previous_response_id: id });
    expect(output.map(({ type }) => type)).toEqual(['message', 'compaction']);
    expect(usage.total_tokens).toBe(15);
    service.upstream.say([{ python: 'print(x)' }], [{ text: 'It is 42.' }]);
    const input = [...(output as OpenAI.Responses.ResponseInput), { role: 'user' as const, content: 'x?' }];
    const next = await client().responses.create({ ...ask, input });
    expect(codeOf(next.output)).toMatchObject([{ outputs: [logs('42\n')] }]);
    expect(JSON.stringify(service.upstream.requests[3]!.body.messages)).toContain('x holds the product.');
  });

  it('visits input items page by page and comes to an end', async () => {
    service.upstream.say([{ text: 'ok' }]);
    const input = ['a', 'b', 'c'].map((content) => ({ role: 'user' as const, content }));
    const { id } = await client().responses.create({ model, input });
    const seen: unknown[] = [];
    for await (const item of client().responses.inputItems.list(id, { limit: 1, order: 'asc' }))
      seen.push((item as { content: { text: string }[] }).content[0]!.text);
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('deletes, and gets the errors of its classes', async () => {
    service.upstream.say([{ text: 'ok' }]);
    const { id } = await client().responses.create({ model, input: 'x' });
    await client().responses.delete(id);
    const NotFound = client() instanceof OpenAI ? OpenAI.NotFoundError : PreviousOpenAI.NotFoundError;
    await expect(client().responses.retrieve(id)).rejects.toThrow(NotFound);
    await expect(client().responses.create({ ...ask, previous_response_id: id })).rejects.toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
      param: 'previous_response_id',
      type: 'invalid_request_error',
    });
  });
});

describe('state', () => {
  it('lasts from call to call and from response to response, in one container', async () => {
    service.upstream.say([{ python: 'x = 20' }, { python: 'x += 1' }], [{ text: 'ok' }]);
    const one = await service.client.responses.create(ask);
    service.upstream.say([{ python: 'print(x * 2)' }], [{ text: 'ok' }]);
    const two = await service.client.responses.create({ ...ask, previous_response_id: one.id });
    expect(codeOf(two.output)).toMatchObject([{ outputs: [logs('42\n')] }]);
    expect(new Set([...codeOf(one.output), ...codeOf(two.output)].map((item) => item.container_id)).size).toBe(1);
  });

  it('is shared by responses that go on from the same one at once, one run after the other', async () => {
    service.upstream.say([{ python: 'n = 0' }], [{ text: 'ok' }]);
    const { id } = await service.client.responses.create(ask);
    const code = 'import time\na = n\ntime.sleep(0.3)\nn = a + 1\nprint(n)';
    service.upstream.always(({ body }) =>
      body.messages.at(-1).role === 'tool' ? [{ text: 'ok' }] : [{ python: code }],
    );
    const branches = await Promise.all(
      [1, 2, 3].map(() => service.client.responses.create({ ...ask, previous_response_id: id })),
    );
    const said = branches.map(({ output }) => (codeOf(output)[0]!.outputs as { logs: string }[])[0]!.logs);
    expect(said.toSorted()).toEqual(['1\n', '2\n', '3\n']);
  });

  it('is begun anew when the container is gone, and the model is told', async () => {
    service.upstream.say([{ python: 'x = 1' }], [{ text: 'ok' }]);
    const one = await service.client.responses.create(ask);
    const [{ container_id: container } = { container_id: '' }] = codeOf(one.output);
    await service.client.containers.delete(container);
    service.upstream.reset();
    service.upstream.say([{ python: 'print("x" in globals())' }], [{ text: 'ok' }]);
    const two = await service.client.responses.create({ ...ask, previous_response_id: one.id });
    expect(codeOf(two.output)).toMatchObject([{ outputs: [logs('False\n')] }]);
    expect(codeOf(two.output)[0]!.container_id).not.toBe(container);
    expect(JSON.stringify(service.upstream.requests[0]!.body)).toContain('has expired');
    const explicit = { model, input: 'x', tools: [{ type: 'code_interpreter' as const, container }] };
    await expect(service.client.responses.create(explicit)).rejects.toMatchObject({ status: 404 });
  });

  it('may be that of a container of the client’s', async () => {
    const container = await service.client.containers.create({ name: 'mine' });
    service.upstream.say([{ python: 'print(1)' }], [{ text: 'ok' }]);
    const { output } = await service.client.responses.create({
      ...ask,
      tools: [{ type: 'code_interpreter', container: container.id }],
    });
    expect(codeOf(output)).toMatchObject([{ container_id: container.id }]);
  });
});

describe('what code does', () => {
  it('is a completed call also when it raised, and its traceback is in the logs', async () => {
    service.upstream.say([{ python: 'undefined_name' }], [{ text: 'sorry' }]);
    const response = await service.client.responses.create(ask);
    expect(response.status).toBe('completed');
    expect(codeOf(response.output)).toMatchObject([
      { status: 'completed', outputs: [{ type: 'logs', logs: expect.stringContaining('NameError') }] },
    ]);
    expect(service.upstream.requests[1]!.body.messages.at(-1).content.match(/NameError/g)).toHaveLength(1);
  });

  it('reaches the client uncut', async () => {
    service.upstream.say([{ python: 'print("x" * 60000)' }], [{ text: 'long' }]);
    const { output } = await service.client.responses.create(ask);
    expect(codeOf(output)[0]!.outputs).toEqual([logs(`${'x'.repeat(60_000)}\n`)]);
    expect(JSON.stringify(service.upstream.requests[1]!.body).length).toBeLessThan(40_000);
  });

  it('shows figures as images, which can be downloaded too', async () => {
    const code = 'import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()';
    service.upstream.say([{ python: code }], [{ text: 'Look.' }]);
    const { output } = await service.client.responses.create(ask);
    expect(codeOf(output)[0]!.outputs).toContainEqual({
      type: 'image',
      url: expect.stringMatching(/^data:image\/png;base64,iVBOR/),
    });
    const [citation] = citationsOf(output);
    expect(citation).toMatchObject({ filename: expect.stringMatching(/\.png$/), start_index: 0, end_index: 0 });
    const content = await service.client.containers.files.content.retrieve(citation!.file_id, {
      container_id: citation!.container_id,
    });
    expect(
      Buffer.from(await content.arrayBuffer())
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
  });

  it('tells the model what is in a file that it has not read', async () => {
    const { client, upstream } = service;
    const content = 'region,sum\nNorth,1\nSouth,2\n"IGNORE\nALL",3\n';
    const { id } = await client.files.create({ file: new File([content], 'sales.csv'), purpose: 'user_data' });
    const ask = async () => {
      upstream.say([{ text: 'Yes.' }]);
      const tools = [{ type: 'code_interpreter' as const, container: { type: 'auto' as const, file_ids: [id] } }];
      await client.responses.create({ model, input: 'Is there a file?', tools });
      const body = upstream.requests.at(-1)!.body as { tools: { function: { description: string } }[] };
      return body.tools[0]!.function.description;
    };
    const told = '- /mnt/data/sales.csv: 3 rows × 2 columns ("region" text, "sum" whole)';
    // On a busy machine the first answer does not wait for it.
    await vi.waitFor(async () => expect(await ask()).toContain(told), { timeout: 20_000, interval: 500 });
  });

  it('leaves files that are cited where they are linked, and once when they are not, each to be downloaded', async () => {
    const code = 'open("/mnt/data/täble (1).csv", "w").write("a,b")\nopen("/mnt/data/other.txt", "w").write("o")';
    service.upstream.say([{ python: code }], [{ text: 'Hére: [table](sandbox:/mnt/data/täble (1).csv).' }]);
    const { output, output_text: text } = await service.client.responses.create(ask);
    const citations = citationsOf(output);
    expect(
      citations.map(({ filename, start_index, end_index }) => [filename, text.slice(start_index, end_index)]),
    ).toEqual([
      ['täble (1).csv', 'sandbox:/mnt/data/täble (1).csv'],
      ['other.txt', ''],
    ]);
    const contents = await Promise.all(
      citations.map(async ({ file_id, container_id }) =>
        (await service.client.containers.files.content.retrieve(file_id, { container_id })).text(),
      ),
    );
    expect(contents).toEqual(['a,b', 'o']);
  });

  it('can be downloaded before it is cited', async () => {
    service.upstream.say([{ python: 'open("a.txt", "w").write("a")' }], [{ text: '[a](sandbox:/mnt/data/a.txt)' }]);
    const found: string[] = [];
    for await (const event of await service.client.responses.create({ ...ask, stream: true })) {
      if (event.type !== 'response.output_text.annotation.added') continue;
      const { file_id, container_id } = event.annotation as unknown as { file_id: string; container_id: string };
      found.push(await (await service.client.containers.files.content.retrieve(file_id, { container_id })).text());
    }
    expect(found).toEqual(['a']);
  });

  it('is never done twice by a client that tries again', async () => {
    service.upstream.say([{ python: 'n = globals().get("n", 0) + 1; print("run", n)' }], { status: 400 });
    const response = await service.client.responses.create(ask);
    expect(response).toMatchObject({ status: 'failed', error: { code: 'server_error' } });
    expect(codeOf(response.output)).toMatchObject([{ outputs: [logs('run 1\n')] }]);
    expect(service.upstream.requests.length).toBe(2);
  });

  it('ends after as many calls as were allowed, with an answer', async () => {
    service.upstream.say([{ python: 'print(1)' }], [{ python: 'print(2)' }], [{ text: 'enough' }]);
    const response = await service.client.responses.create({ ...ask, max_tool_calls: 1 } as typeof ask);
    expect(response).toMatchObject({ status: 'completed', max_tool_calls: 1 });
    expect(codeOf(response.output).length).toBe(1);
  });

  it('is forced on the first turn alone', async () => {
    service.upstream.say([{ python: 'print(1)' }], [{ text: 'done' }]);
    await service.client.responses.create({ ...ask, tool_choice: { type: 'code_interpreter' } });
    const choices = service.upstream.requests.map(({ body }) => body.tool_choice ?? 'auto');
    expect(choices[0]).not.toBe('auto');
    expect(choices[1]).toBe('auto');
  });
});

describe('what is attached', () => {
  it('is there for code: inline, by id, and as file_ids', async () => {
    const uploaded = await service.client.files.create({
      file: new File(['uploaded'], 'up.txt'),
      purpose: 'user_data',
    });
    const listed = await service.client.files.create({ file: new File(['listed'], 'list.txt'), purpose: 'user_data' });
    const code = 'for n in ["in.txt", "up.txt", "list.txt"]: print(open("/mnt/data/" + n).read())';
    service.upstream.say([{ python: code }], [{ text: 'ok' }]);
    const { output } = await service.client.responses.create({
      ...ask,
      tools: [{ type: 'code_interpreter', container: { type: 'auto', file_ids: [listed.id] } }],
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_file', filename: 'in.txt', file_data: `data:text/plain;base64,${btoa('inline')}` },
            { type: 'input_file', file_id: uploaded.id },
          ],
        },
      ],
    });
    expect(codeOf(output)).toMatchObject([{ outputs: [logs('inline\nuploaded\nlisted\n')] }]);
    expect(citationsOf(output)).toEqual([]);
  });

  it('may be gone when the conversation goes on, and the model is told', async () => {
    const { id } = await service.client.files.create({ file: new File(['x'], 'x.txt'), purpose: 'user_data' });
    const attached = { role: 'user' as const, content: [{ type: 'input_file' as const, file_id: id }] };
    service.upstream.always([{ text: 'ok' }]);
    const first = await service.client.responses.create({ ...ask, input: [attached] });
    await service.client.files.delete(id);
    const answer = { role: 'assistant' as const, content: 'ok' };
    const next = { role: 'user' as const, content: 'And?' };
    await service.client.responses.create({ ...ask, input: 'And?', previous_response_id: first.id });
    await service.client.responses.create({ ...ask, input: [attached, answer, next] });
    for (const { body } of service.upstream.requests.slice(1))
      expect(JSON.stringify(body.messages)).toContain('[The file attached here is no longer available.]');
    const anew = service.client.responses.create({ ...ask, input: [attached] });
    await expect(anew).rejects.toMatchObject({ status: 404, param: 'input' });
  });
});

describe('functions of the client', () => {
  const look = {
    type: 'function' as const,
    name: 'look',
    strict: false,
    parameters: { type: 'object', properties: { at: { type: 'string' } } },
  };

  it('end the turn after code has run, and their outputs go on from there', async () => {
    service.upstream.say([{ python: 'print(5)' }, { call: 'look', arguments: { at: 'sky' } }]);
    const one = await service.client.responses.create({ ...ask, tools: [...tools, look] });
    expect(one.status).toBe('completed');
    const [code, call] = one.output;
    expect(code).toMatchObject({ type: 'code_interpreter_call', outputs: [logs('5\n')] });
    if (call?.type !== 'function_call') throw new Error('no call');
    expect(call).toMatchObject({ name: 'look', arguments: '{"at":"sky"}', id: expect.stringMatching(/^fc_/) });
    expect(call.call_id).not.toBe(call.id);
    service.upstream.say([{ text: 'blue' }]);
    const two = await service.client.responses.create({
      ...ask,
      tools: [...tools, look],
      previous_response_id: one.id,
      input: [{ type: 'function_call_output', call_id: call.call_id, output: 'blue' }],
    });
    expect(two.output_text).toBe('blue');
    const { messages } = service.upstream.requests.at(-1)!.body;
    expect(JSON.stringify(messages)).toContain('5');
    expect(messages.at(-1)).toMatchObject({ role: 'tool', content: expect.stringContaining('blue') });
  });

  it('can be called by code, which waits for them', async () => {
    const callable = { ...look, allowed_callers: ['programmatic' as const] };
    service.upstream.say([{ python: 'r = await tools.look(at="sky")\nprint(r["color"])' }]);
    const request = { ...ask, tools: [...tools, callable] };
    const one = await service.client.responses.create(request);
    const [code, call] = one.output;
    if (call?.type !== 'function_call') throw new Error(JSON.stringify(one.output));
    expect(call).toMatchObject({ name: 'look', caller: { type: 'program', caller_id: code!.id } });
    service.upstream.say([{ text: 'It is blue.' }]);
    const two = await service.client.responses.create({
      ...request,
      previous_response_id: one.id,
      input: [{ type: 'function_call_output', call_id: call.call_id, output: '{"color":"blue"}' }],
    });
    expect(codeOf(two.output)).toMatchObject([{ status: 'completed', outputs: [logs('blue\n')] }]);
    expect(two.output_text).toBe('It is blue.');
  });

  it('are called in rounds by code, several at once, by a client that sends everything again', async () => {
    const callable = { ...look, allowed_callers: ['programmatic' as const] };
    const code =
      'import asyncio\na, b = await asyncio.gather(tools.look(at="a"), tools.look(at="b"))\nprint(a, b, await tools.look(at="c"))';
    service.upstream.say([{ python: code }], [{ text: 'Done.' }], [{ text: 'Bye.' }]);
    const request = { ...ask, tools: [...tools, callable] };
    const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: 'Go' }];
    const rounds: number[] = [];
    for (;;) {
      const { output } = await service.client.responses.create({ ...request, input });
      input.push(...(output as OpenAI.Responses.ResponseInput));
      const calls = output.filter((item) => item.type === 'function_call');
      if (calls.length === 0) break;
      rounds.push(calls.length);
      for (const { call_id, arguments: args } of calls)
        input.push({
          type: 'function_call_output',
          call_id,
          output: JSON.stringify(JSON.parse(args).at.toUpperCase()),
        });
    }
    expect(rounds).toEqual([2, 1]);
    const last = input.findLast((item) => item.type === 'code_interpreter_call');
    expect(last).toMatchObject({ status: 'completed', outputs: [logs('A B C\n')] });
    input.push({ role: 'user', content: 'More' });
    await service.client.responses.create({ ...request, input });
    const { messages } = service.upstream.requests.at(-1)!.body;
    expect(messages.filter(({ role }: { role: string }) => role === 'tool').length).toBe(1);
  });
});

describe('a stream', () => {
  it('sends what the model writes while it writes, and says so before code runs', async () => {
    const gate = Promise.withResolvers<void>();
    service.upstream.say(
      [{ text: 'First.' }, { until: gate.promise }, { python: 'import time; time.sleep(2); print(1)' }],
      [{ text: 'Done.' }],
    );
    const at = new Map<string, number>();
    for await (const event of await service.client.responses.create({ ...ask, stream: true })) {
      if (!at.has(event.type)) at.set(event.type, performance.now());
      if (event.type === 'response.output_text.delta') gate.resolve();
    }
    const between = (from: string, to: string) => at.get(to)! - at.get(from)!;
    expect(
      between('response.code_interpreter_call.interpreting', 'response.code_interpreter_call.completed'),
    ).toBeGreaterThan(900);
    expect(at.has('response.code_interpreter_call_code.delta')).toBe(true);
  });

  it.each([
    ['an answer', [{ text: ['b ', 'sandbox:/mnt/data/f'] }]],
    ['thoughts alone', [{ reasoning: 'b' }]],
    ['nothing', []],
  ])('folds to what it ends with, and is stored as such: %s', async (_, turn) => {
    service.upstream.say([{ text: 'a' }, { python: 'open("f", "w")' }], turn);
    const events: NumberedWireEvent[] = [];
    for await (const event of await service.client.responses.create({ ...ask, stream: true }))
      events.push(event as unknown as NumberedWireEvent);
    const last = events.at(-1)!;
    if (last.type !== 'response.completed') throw new Error(last.type);
    expect(fold(events)).toEqual(last.response.output);
    const again: unknown[] = [];
    for await (const event of await service.client.responses.retrieve(last.response.id, { stream: true, include }))
      again.push(event);
    expect(again).toEqual(events);
  });

  it('is what the reference shows', async () => {
    const reference = await readFile(new URL('../../docs/reference/responses.md', import.meta.url), 'utf8');
    const shown = /```text\n(?<stream>0 response\.created[\s\S]*?)```/.exec(reference)!.groups!.stream;
    const code = ['{"code": "n = 6 * 7\\n', "open('n.txt', 'w').write(str(n))\\n", 'n"}'];
    service.upstream.say(
      [{ call: 'python', arguments: code }],
      [{ text: ['It is 42, also in ', '[n.txt](sandbox:/mnt/data/n.txt).'] }],
    );
    let sent = '';
    for await (const event of await service.client.responses.create({ ...ask, stream: true })) {
      const { type, sequence_number, ...rest } = event as unknown as NumberedWireEvent;
      const told = 'response' in rest ? `{"response":{"status":"${rest.response.status}", …}}` : JSON.stringify(rest);
      sent += `${sequence_number} ${type} ${told.replaceAll(/\b(ci|msg|cntr|cfile)_[\w-]+/g, '$1_…')}\n`;
    }
    expect(sent).toBe(shown);
  });

  it('ends its code with the client that leaves', async () => {
    service.upstream.say([
      { python: 'import time\nfor n in range(600): time.sleep(0.1); open("n", "w").write(str(n))' },
    ]);
    const stream = await service.client.responses.create({ ...ask, stream: true });
    let container = '';
    for await (const event of stream) {
      if (event.type === 'response.output_item.added' && event.item.type === 'code_interpreter_call')
        container = event.item.container_id;
      if (event.type !== 'response.code_interpreter_call.interpreting') continue;
      // A machine that is busy needs a while to begin.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      break;
    }
    service.upstream.say(
      [{ python: 'a = open("n").read()\nimport time; time.sleep(0.5)\nprint(a == open("n").read())' }],
      [{ text: 'ok' }],
    );
    const after = await service.client.responses.create({ ...ask, tools: [{ type: 'code_interpreter', container }] });
    expect(codeOf(after.output)).toMatchObject([{ outputs: [logs('True\n')] }]);
  });
});

describe('in the background', () => {
  it('is polled until it is done', async () => {
    service.upstream.say([{ wait: 200 }, { python: 'print(1)' }], [{ text: 'done' }]);
    const { id, status } = await service.client.responses.create({ ...ask, background: true });
    expect(status).toBe('queued');
    const poll = async () => (await service.client.responses.retrieve(id)).status;
    await expect.poll(poll, { timeout: 30_000, interval: 50 }).toBe('completed');
  });

  it('goes on without its stream, which can be taken up again', async () => {
    const gate = Promise.withResolvers<void>();
    service.upstream.say([{ text: 'one ' }, { until: gate.promise }, { text: 'two' }]);
    let id = '';
    let seen = -1;
    const texts: string[] = [];
    const read = (event: OpenAI.Responses.ResponseStreamEvent) => {
      if (event.type === 'response.created') id = event.response.id;
      if (event.type === 'response.output_text.delta') texts.push(event.delta);
      seen = event.sequence_number;
    };
    for await (const event of await service.client.responses.create({ ...ask, background: true, stream: true })) {
      read(event);
      if (event.type === 'response.output_text.delta') break;
    }
    gate.resolve();
    const rest = await service.client.responses.retrieve(id, { stream: true, starting_after: seen });
    for await (const event of rest) read(event);
    expect(texts).toEqual(['one ', 'two']);
    const final = await service.client.responses.stream({ response_id: id }).finalResponse();
    expect(final.output_text).toBe('one two');
  });

  it('is cancelled at once, its code with it', async () => {
    service.upstream.say([{ python: 'while True: pass' }]);
    const { id } = await service.client.responses.create({ ...ask, background: true });
    const events = await service.client.responses.retrieve(id, { stream: true });
    for await (const { type } of events) if (type === 'response.code_interpreter_call.interpreting') break;
    const begun = performance.now();
    const cancelled = await service.client.responses.cancel(id);
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(cancelled.status).toBe('cancelled');
    expect((await service.client.responses.cancel(id)).status).toBe('cancelled');
  });
});

it('is served without /v1 as well, and answers 401 in its own words', async () => {
  const bare = new OpenAI({ baseURL: service.server.url, apiKey: service.server.key });
  service.upstream.say([{ text: 'ok' }]);
  expect((await bare.responses.create({ model, input: 'x' })).output_text).toBe('ok');
  const wrong = new OpenAI({ baseURL: service.baseURL, apiKey: 'wrong' });
  await expect(wrong.responses.create({ model, input: 'x' })).rejects.toMatchObject({
    status: 401,
    code: 'invalid_api_key',
  });
});

it('says in its own words which addresses it has not', async () => {
  const embeddings = service.client.embeddings.create({ model, input: 'x' });
  await expect(embeddings).rejects.toMatchObject({ status: 404, code: 'unknown_url', type: 'invalid_request_error' });
  await expect(embeddings).rejects.toThrow('POST /v1/embeddings');
});

it('tells LiteLLM in JSON that something was deleted', async () => {
  service.upstream.say([{ text: 'ok' }]);
  const { id } = await service.client.responses.create({ model, input: 'x' });
  const answer = await fetch(`${service.baseURL}/responses/${id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${service.server.key}` },
  });
  expect([answer.status, await answer.json()]).toEqual([200, { id, object: 'response.deleted', deleted: true }]);
});
