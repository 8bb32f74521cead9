import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { said } from '../../../../test/support/cell-result.ts';
import { DragomanError } from '../../../core/index.ts';
import { ann, eventsOf, responsesApp } from './fixtures/app.ts';
import { fold } from './fixtures/fold.ts';
import { end, runs, says } from './fixtures/scripted-agent.ts';
import { responseObject } from './response.ts';

let face: Awaited<ReturnType<typeof responsesApp>>;
beforeEach(async () => {
  face = await responsesApp();
});

const code = { tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] };
const outputs = { include: ['code_interpreter_call.outputs'] };

describe('a response', () => {
  it('has every key, seconds for times, and usage', async () => {
    face.agent.say(says('Hello'));
    const response = await face.create({ model: 'm', input: 'Hi', metadata: { a: 'b' } });
    expect(Object.keys(response).toSorted()).toEqual(Object.keys(responseObject.shape).toSorted());
    expect(response).toMatchObject({
      object: 'response',
      status: 'completed',
      created_at: 1_767_323_045,
      model: 'm',
      metadata: { a: 'b' },
      usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15, input_tokens_details: { cached_tokens: 2 } },
      output: [{ type: 'message', content: [{ type: 'output_text', text: 'Hello', annotations: [] }] }],
    });
    expect(responseObject.safeParse(response).error).toBeUndefined();
  });

  it('runs code and shows what it printed to those who ask', async () => {
    face.agent.say(async function* (request) {
      yield* runs(request, 'print(42)', { result: { stdout: said('42\n') } });
      yield { type: 'text', delta: 'It is 42.' };
      yield end();
    });
    const response = await face.create({ input: 'How much?', ...code, ...outputs });
    const [sessionId] = await face.sessions();
    expect(response.output).toMatchObject([
      {
        type: 'code_interpreter_call',
        status: 'completed',
        code: 'print(42)',
        container_id: `cntr_${sessionId}`,
        outputs: [{ type: 'logs', logs: '42\n' }],
      },
      { type: 'message' },
    ]);
    const { json } = await face.call('GET', `/responses/${response.id}`);
    expect(json.output[0].outputs).toBeNull();
    for (const query of ['include[]=', 'include=']) {
      const again = await face.call('GET', `/responses/${response.id}?${query}code_interpreter_call.outputs`);
      expect(again.json).toEqual(response);
    }
  });

  it('is the same streamed, event by event', async () => {
    face.agent.say(async function* (request) {
      yield { type: 'reasoning', delta: 'Hmm' };
      yield { type: 'text', delta: 'Let me see.' };
      yield* runs(request, 'print(42)', { result: { stdout: said('42\n') } });
      yield { type: 'text', delta: 'It is ' };
      yield { type: 'text', delta: '42.' };
      yield { type: 'function_start', callId: 'call_1', name: 'tell' };
      yield { type: 'function_delta', callId: 'call_1', delta: '{}' };
      yield { type: 'function_call', callId: 'call_1', name: 'tell', arguments: '{}' };
      yield end('functions');
    });
    const events = await face.stream({ input: 'How much?', ...code, ...outputs });
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual(['response.created', 'response.in_progress']);
    const last = events.at(-1)!;
    if (last.type !== 'response.completed') throw new Error(last.type);
    expect(fold(events)).toEqual(last.response.output);
    expect(last.response.output.map(({ type }) => type)).toEqual([
      'reasoning',
      'message',
      'code_interpreter_call',
      'message',
      'function_call',
    ]);
    const stored = await face.call('GET', `/responses/${last.response.id}?include[]=code_interpreter_call.outputs`);
    expect(stored.json).toEqual(last.response);
    const replayed = await face.call(
      'GET',
      `/responses/${last.response.id}?stream=true&include[]=code_interpreter_call.outputs`,
    );
    expect(eventsOf(replayed.text)).toEqual(events);
    const rest = await face.call('GET', `/responses/${last.response.id}?stream=true&starting_after=5`);
    expect(eventsOf(rest.text).map((event) => event.sequence_number)).toEqual(
      events.slice(6).map((e) => e.sequence_number),
    );
  });

  it('ends in failed after the error, as recorded streams do', async () => {
    face.agent.say(async function* () {
      yield { type: 'text', delta: 'I' };
      yield {
        type: 'end',
        end: { reason: 'failed', error: new DragomanError('upstream_failed') },
        usage: zero,
        model: 'm',
      };
    });
    const events = await face.stream({ input: 'x' });
    expect(events.slice(-2)).toMatchObject([
      {
        type: 'error',
        error: { type: 'server_error', code: 'server_error', message: expect.any(String), param: null },
      },
      { type: 'response.failed', response: { status: 'failed', error: { code: 'server_error' } } },
    ]);
    expect(fold(events)).toMatchObject([{ status: 'incomplete' }]);
  });

  it.each([{}, { input: [] }, { input: null }, { instructions: 'Be brief.' }])(
    'needs something to answer: %j',
    async (body) => {
      expect(await face.call('POST', '/responses', body)).toMatchObject({
        status: 400,
        json: { error: { param: 'input', code: 'missing_required_parameter' } },
      });
      expect(face.agent.requests).toEqual([]);
    },
  );

  it('is an error of its own when the model never began', async () => {
    face.agent.say(async function* () {
      yield* [];
      throw new DragomanError('upstream_failed', { message: 'no model today' });
    });
    expect(await face.call('POST', '/responses', { input: 'x', stream: true })).toMatchObject({
      status: 502,
      json: { error: { message: 'no model today', type: 'server_error', param: null, code: null } },
    });
  });

  it('is not silent when it takes long', async () => {
    face = await responsesApp({ quietMs: 20 });
    const go = Promise.withResolvers<void>();
    face.agent.say(async function* () {
      yield { type: 'text', delta: 'a' };
      await go.promise;
      yield end();
    });
    // It has begun to answer while the model is still at work.
    const begun = await face.app.inject({
      method: 'POST',
      url: '/responses',
      payload: { input: 'x' },
      payloadAsStream: true,
    });
    go.resolve();
    const answer = await text(begun.stream());
    expect(answer).toMatch(/^ +\{/);
    expect(JSON.parse(answer).status).toBe('completed');
  });

  it('begins to stream although the model has not, and fails there', async () => {
    face = await responsesApp({ quietMs: 20 });
    face.agent.say(async function* () {
      await sleep(400);
      yield* [];
      throw new DragomanError('upstream_failed');
    });
    const events = await face.stream({ input: 'x' });
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'error',
      'response.failed',
    ]);
  });

  it('is incomplete when the tokens ran out', async () => {
    face.agent.say(async function* () {
      yield { type: 'text', delta: 'a' };
      yield end('length');
    });
    expect(await face.create({ input: 'x' })).toMatchObject({
      status: 'incomplete',
      completed_at: null,
      incomplete_details: { reason: 'max_output_tokens' },
    });
  });

  it('is not there for others, nor after it was deleted, nor when it was not to be stored', async () => {
    face.agent.say(says('a'), says('b'));
    const { id } = await face.create({ input: 'x' });
    expect((await face.call('GET', `/responses/${id}`, undefined, 'bob')).status).toBe(404);
    expect((await face.call('DELETE', `/responses/${id}`, undefined, 'bob')).status).toBe(404);
    expect(await face.call('DELETE', `/responses/${id}`)).toMatchObject({ status: 200, json: { id, deleted: true } });
    expect(await face.call('GET', `/responses/${id}`)).toMatchObject({ status: 404, json: { error: { param: null } } });
    const { id: unstored } = await face.create({ input: 'x', store: false });
    expect((await face.call('GET', `/responses/${unstored}`)).status).toBe(404);
    expect(await face.documentCount()).toBe(0);
  });
});

const zero = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0 };

describe('files that code made', () => {
  it('are cited where they are linked, and at the end when they are not', async () => {
    face.agent.say(async function* (request) {
      const session = await request.code!.session();
      const made = [];
      for (const name of ['plot.png', 'extra.csv', '.hidden'])
        made.push({ change: 'created' as const, file: await face.put(session, name, name) });
      yield* runs(request, 'x', { files: made });
      yield { type: 'text', delta: 'See [it](sandbox:/mnt/data/plot.png)' };
      yield end();
    });
    const events = await face.stream({ input: 'x', ...code });
    const [, message] = fold(events);
    if (message?.type !== 'message') throw new Error('no message');
    const { text, annotations } = message.content[0]!;
    expect(
      annotations.map(({ filename, start_index, end_index }) => [filename, text.slice(start_index, end_index)]),
    ).toEqual([
      ['plot.png', 'sandbox:/mnt/data/plot.png'],
      ['extra.csv', ''],
    ]);
    const [session] = await face.sessions();
    const files = await face.service.sessions.files(ann, session!);
    expect(annotations[0]).toMatchObject({
      container_id: `cntr_${session}`,
      file_id: `cfile_${files.find(({ name }) => name === 'plot.png')!.id}`,
    });
  });

  it('are cited once, in the last message, and not when they are gone again', async () => {
    face.agent.say(async function* (request) {
      const session = await request.code!.session();
      const file = async (name: string) => ({
        change: 'created' as const,
        file: await face.put(session, name, name),
      });
      yield* runs(request, 'x', { files: [await file('a'), await file('b')] });
      yield { type: 'text', delta: 'And now' };
      yield* runs(request, 'y', { deleted: ['b'] });
      yield { type: 'text', delta: 'done' };
      yield end();
    });
    const { output } = await face.create({ input: 'x', ...code });
    const cited = output.map((item) =>
      item.type === 'message' ? item.content[0]!.annotations.map((a) => a.filename) : [],
    );
    expect(cited).toEqual([[], [], [], ['a']]);
  });

  it('have a message to be cited in when the model has nothing to say', async () => {
    face.agent.say(async function* (request) {
      const session = await request.code!.session();
      const file = await face.put(session, 'a', 'a');
      yield* runs(request, 'x', { files: [{ change: 'created', file }] });
      yield end();
    });
    const { output } = await face.create({ input: 'x', ...code });
    expect(output.at(-1)).toMatchObject({ type: 'message', content: [{ text: '', annotations: [{ filename: 'a' }] }] });
  });

  it('are cited later when a function comes first', async () => {
    face.agent.say(async function* (request) {
      const session = await request.code!.session();
      const file = await face.put(session, 'a', 'a');
      yield* runs(request, 'x', { files: [{ change: 'created', file }] });
      yield { type: 'function_call', callId: 'call_1', name: 'f', arguments: '{}' };
      yield end('functions');
    }, says('done'));
    const tools = [...code.tools, { type: 'function', name: 'f' }];
    const { id } = await face.create({ input: 'x', tools });
    const { output } = await face.create({
      input: [{ type: 'function_call_output', call_id: 'call_1', output: '' }],
      previous_response_id: id,
      tools,
    });
    expect(output).toMatchObject([{ content: [{ text: 'done', annotations: [{ filename: 'a' }] }] }]);
  });

  it('are made of images that were only shown', async () => {
    face.agent.say(async function* (request) {
      yield* runs(request, 'x', { result: { outputs: [{ kind: 'display', bundle: { 'image/png': 'aGk=' } }] } });
      yield { type: 'text', delta: 'Look.' };
      yield end();
    });
    const { output } = await face.create({ input: 'x', ...code, ...outputs });
    expect(output[0]).toMatchObject({ outputs: [{ type: 'image', url: 'data:image/png;base64,aGk=' }] });
    expect(output[1]).toMatchObject({
      content: [
        { annotations: [{ filename: expect.stringMatching(/^cfile_.*\.png$/), start_index: 0, end_index: 0 }] },
      ],
    });
    const [session] = await face.sessions();
    expect([...(await face.files(session!)).values()]).toEqual(['hi']);
  });
});

describe('what a response goes on from', () => {
  const run = (script = 'x = 1') =>
    async function* (request: Parameters<typeof runs>[0]) {
      yield* runs(request, script, { result: { stdout: said('out') } });
      yield { type: 'text', delta: 'ok' } as const;
      yield end();
    };

  it('is the whole chain, with what the model read of runs, but not its instructions', async () => {
    face.agent.say(run(), says('two'), says('three'));
    const one = await face.create({ input: 'first', instructions: 'be brief', ...code });
    const two = await face.create({ input: 'second', previous_response_id: one.id, ...code });
    await face.create({ input: 'third', previous_response_id: two.id });
    expect(face.agent.requests[2]!.messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'first' }] },
      {
        role: 'assistant',
        content: [
          {
            type: 'code_call',
            callId: one.output[0]!.id.replace('ci_', 'call_'),
            code: 'x = 1',
            modelView: 'shown: out',
          },
          { type: 'text', text: 'ok' },
        ],
      },
      { role: 'user', content: [{ type: 'text', text: 'second' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'two' }] },
      { role: 'user', content: [{ type: 'text', text: 'third' }] },
    ]);
  });

  it('brings its container along, and a new one when that has expired', async () => {
    face.agent.say(run(), run(), run());
    const one = await face.create({ input: 'a', ...code });
    const two = await face.create({ input: 'b', previous_response_id: one.id, ...code });
    const container = (response: typeof one) => (response.output[0] as { container_id: string }).container_id;
    expect(container(two)).toBe(container(one));
    face.service.now += 49 * 3_600_000;
    const three = await face.create({ input: 'c', previous_response_id: two.id, ...code });
    expect(container(three)).not.toBe(container(one));
    expect(JSON.stringify(face.agent.requests[2]!.messages[0])).toContain('has expired');
    face.agent.say(run());
    expect(await face.call('POST', '/responses', explicit(container(one)))).toMatchObject({
      status: 400,
      json: { error: { message: 'Container is expired.' } },
    });
    expect(await face.call('POST', '/responses', explicit('cntr_aaaaaaaaaaaaaaaaaaaaa'))).toMatchObject({
      status: 404,
    });
  });

  const explicit = (container: string) => ({ input: 'x', tools: [{ type: 'code_interpreter', container }] });

  it('may be items that are only named', async () => {
    face.agent.say(run(), says('two'));
    const one = await face.create({ input: 'first', ...code });
    const { data } = (await face.call('GET', `/responses/${one.id}/input_items`)).json;
    const named = [data[0].id, ...one.output.map(({ id }) => id)].map((id) => ({ type: 'item_reference', id }));
    await face.create({ input: [...named, named[1]!, { role: 'user', content: 'second' }], ...code });
    expect(face.agent.requests[1]!.messages).toMatchObject([
      { role: 'user', content: [{ text: 'first' }] },
      {
        role: 'assistant',
        content: [
          { type: 'code_call', modelView: 'shown: out' },
          { type: 'text', text: 'ok' },
        ],
      },
      { role: 'user', content: [{ text: 'second' }] },
    ]);
    await expect(face.agent.requests[1]!.code!.session()).resolves.toBe((await face.sessions())[0]);
    const unknown = await face.call('POST', '/responses', {
      input: [{ type: 'item_reference', id: 'msg_aaaaaaaaaaaaaaaaaaaaao0' }],
    });
    expect(unknown).toMatchObject({ status: 404, json: { error: { param: 'input[0].id' } } });
    expect(unknown.json.error.message).toContain('msg_aaaaaaaaaaaaaaaaaaaaao0');
  });

  it('may be items that are sent again, with fields that are unknown here', async () => {
    face.agent.say(run(), says('two'));
    const one = await face.create({ input: 'first', ...code });
    const [call, message] = one.output;
    await face.create({
      input: [
        { role: 'user', content: 'first' },
        { ...call, outputs: [], extra: 1 },
        { ...message, phase: 'final_answer' },
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'second' }] },
      ],
      ...code,
    });
    expect(face.agent.requests[1]!.messages[1]).toMatchObject({
      content: [{ type: 'code_call', code: 'x = 1', modelView: 'shown: out' }, { text: 'ok' }],
    });
    await expect(face.agent.requests[1]!.code!.session()).resolves.toBe((await face.sessions())[0]);
  });

  it('may be runs without id and outputs, of which the model is told the code', async () => {
    face.agent.say(run(), says('two'));
    const { output } = await face.create({ input: 'first', ...code });
    const { id: _, outputs: __, ...call } = output[0] as { id: string; outputs: unknown };
    await face.create({
      input: [{ role: 'user', content: 'first' }, call, { role: 'user', content: 'second' }],
      ...code,
    });
    const [, said] = face.agent.requests[1]!.messages;
    expect(said).toMatchObject({ content: [{ type: 'code_call', code: 'x = 1', modelView: '[no output is known]' }] });
    await expect(face.agent.requests[1]!.code!.session()).resolves.toBe((await face.sessions())[0]);
  });

  it('must be there', async () => {
    for (const previous_response_id of ['resp_aaaaaaaaaaaaaaaaaaaaa', 'nonsense'])
      expect(await face.call('POST', '/responses', { input: 'x', previous_response_id })).toMatchObject({
        status: 400,
        json: { error: { param: 'previous_response_id', code: 'previous_response_not_found' } },
      });
  });

  it('has an output for every call of a function, and a call for every output', async () => {
    face.agent.say(async function* () {
      yield { type: 'function_call', callId: 'call_9', name: 'look', arguments: '{}' };
      yield end('functions');
    }, says('done'));
    const tools = [{ type: 'function', name: 'look', parameters: {} }];
    const one = await face.create({ input: 'x', tools });
    expect(one.output).toMatchObject(
      [{ type: 'function_call', id: /^fc_/, call_id: 'call_9' }].map((o) => ({
        ...o,
        id: expect.stringMatching(o.id),
      })),
    );
    const next = { previous_response_id: one.id, tools };
    expect((await face.call('POST', '/responses', { ...next, input: 'y' })).json.error.message).toContain('call_9');
    const output = (call_id: string) => [{ type: 'function_call_output', call_id, output: '7' }];
    expect((await face.call('POST', '/responses', { ...next, input: output('call_1') })).status).toBe(400);
    await face.create({ ...next, input: output('call_9') });
    expect(face.agent.requests[1]!.messages.slice(1)).toEqual([
      { role: 'assistant', content: [{ type: 'function_call', callId: 'call_9', name: 'look', arguments: '{}' }] },
      { role: 'tool', callId: 'call_9', content: [{ type: 'text', text: '7' }] },
    ]);
  });
});

describe('files of the input', () => {
  const data = `data:text/csv;base64,${Buffer.from('a,b').toString('base64')}`;
  const part = { type: 'input_file', filename: 'in.csv', file_data: data };
  const ask = (content: object[], more: object = {}) => ({ input: [{ role: 'user', content }], ...more });
  const use = async function* (request: Parameters<typeof runs>[0]) {
    yield* runs(request, 'x');
    yield end();
  };

  it('are put into the container once, and named to the model', async () => {
    face.agent.say(use, use);
    const one = await face.create(ask([{ type: 'input_text', text: 'Read' }, part], code));
    const [session] = await face.sessions();
    expect(await face.files(session!)).toEqual(new Map([['in.csv', 'a,b']]));
    expect(face.agent.requests[0]!.code!.files).toEqual(['in.csv']);
    expect(JSON.stringify(face.agent.requests[0]!.messages)).toContain('/mnt/data/in.csv');
    // The code changed it, and the conversation is sent again.
    await face.put(session!, 'in.csv', 'changed');
    await face.create({ ...ask([part], code), previous_response_id: one.id });
    expect(await face.files(session!)).toEqual(new Map([['in.csv', 'changed']]));
  });

  it('keep out of the way of another of their name', async () => {
    face.agent.say(use);
    const other = { ...part, file_data: Buffer.from('other').toString('base64') };
    await face.create(ask([part, other], code));
    const [session] = await face.sessions();
    const names = [...(await face.files(session!)).keys()];
    expect(names).toEqual([expect.stringMatching(/^[0-9a-f]{8}-in\.csv$/), 'in.csv']);
  });

  it('are read to the model where it has no code', async () => {
    face.agent.say(says('ok'));
    await face.create(ask([part]));
    expect(JSON.stringify(face.agent.requests[0]!.messages)).toContain('a,b');
    const binary = { ...part, file_data: Buffer.from([0xff, 0xfe, 0]).toString('base64') };
    expect(await face.call('POST', '/responses', ask([binary]))).toMatchObject({ status: 400 });
  });

  it('are images that the model sees', async () => {
    face.agent.say(use);
    const image = { type: 'input_image', image_url: 'data:image/png;base64,aGk=' };
    const far = { type: 'input_image', image_url: 'https://example.com/a.png' };
    await face.create(ask([image, far], code));
    expect(face.agent.requests[0]!.messages[0]!.content).toMatchObject([
      { type: 'text' },
      { type: 'image', mime: 'image/png', data: 'aGk=' },
      { type: 'image_url', url: 'https://example.com/a.png' },
    ]);
    const [session] = await face.sessions();
    expect([...(await face.files(session!)).keys()]).toEqual(['image.png']);
  });

  it('are never fetched, and must be there', async () => {
    const far = { type: 'input_file', file_url: 'https://example.com/a' };
    expect(await face.call('POST', '/responses', ask([far], code))).toMatchObject({ status: 400 });
    const gone = { type: 'input_file', file_id: 'file-aaaaaaaaaaaaaaaaaaaaa' };
    expect(await face.call('POST', '/responses', ask([gone], code))).toMatchObject({ status: 404 });
    const cfile = { type: 'input_file', file_id: 'cfile_aaaaaaaaaaaaaaaaaaaaa' };
    expect((await face.call('POST', '/responses', ask([cfile], code))).json.error.message).toContain('containers');
    expect(await face.sessions()).toEqual([]);
  });
});

describe('a request is refused', () => {
  it.each<[object, string]>([
    [{ input: 5 }, 'input'],
    [{ input: [{ type: 'web_search_call', id: 'x' }] }, 'input[0].type'],
    [{ tools: [{ type: 'web_search' }] }, 'tools[0].type'],
    [{ tools: [...code.tools, ...code.tools] }, 'tools[1]'],
    [
      { tools: [{ type: 'code_interpreter', container: { type: 'auto', memory_limit: '3g' } }] },
      'tools[0].container.memory_limit',
    ],
    [{ tool_choice: { type: 'function', name: 'f' } }, 'tool_choice'],
    [{ tool_choice: 'sometimes' }, 'tool_choice'],
    [{ metadata: { a: 'x'.repeat(513) } }, 'metadata.a'],
    [{ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [n, ''])) }, 'metadata'],
    [{ conversation: 'conv_1', previous_response_id: 'resp_1' }, 'conversation'],
    [{ background: true, store: false }, 'background'],
    [{ truncation: 'maybe' }, 'truncation'],
  ])('%j', async (body, param) => {
    expect(await face.call('POST', '/responses', { input: 'x', ...body })).toMatchObject({
      status: 400,
      headers: { 'x-should-retry': 'false' },
      json: { error: { type: 'invalid_request_error', param } },
    });
  });

  it('naming the tool that is not served', async () => {
    const { json } = await face.call('POST', '/responses', { input: 'x', tools: [{ type: 'web_search_preview' }] });
    expect(json.error.message).toContain('web_search_preview is not served here');
  });

  it('but not for what is unknown here', async () => {
    face.agent.say(says('ok'));
    const body = { input: 'x', new_field: { a: 1 }, include: ['something.new'], tools: [{ type: 'code_interpreter' }] };
    expect((await face.create(body)).tools).toEqual([{ type: 'code_interpreter', container: { type: 'auto' } }]);
  });

  it('secrets of a network policy are not shown', async () => {
    face.agent.say(says('ok'));
    const network_policy = { type: 'allowlist', allowed_domains: ['a.b'], domain_secrets: [{ value: 'hush' }] };
    const response = await face.create({
      input: 'x',
      tools: [{ type: 'code_interpreter', container: { type: 'auto', network_policy } }],
    });
    expect(JSON.stringify(response)).not.toContain('hush');
  });
});

describe('what went in', () => {
  it('is listed newest first, page by page', async () => {
    face.agent.say(says('a'));
    const input = ['one', 'two', 'three'].map((content) => ({ role: 'user', content }));
    const { id } = await face.create({ input });
    const { json } = await face.call('GET', `/responses/${id}/input_items?limit=2`);
    expect(json).toMatchObject({
      object: 'list',
      has_more: true,
      data: [{ content: [{ type: 'input_text', text: 'three' }] }, {}],
    });
    const next = (await face.call('GET', `/responses/${id}/input_items?limit=2&after=${json.last_id}`)).json;
    expect(next).toMatchObject({ has_more: false, data: [{ content: [{ text: 'one' }] }] });
    expect(
      (await face.call('GET', `/responses/${id}/input_items?order=asc&limit=1`)).json.data[0].content[0].text,
    ).toBe('one');
  });

  it('is counted, with what it goes on from, and an image not by its bytes', async () => {
    const count = async (body: Readonly<Record<string, unknown>>) =>
      (await face.call('POST', '/responses/input_tokens', body)).json;
    expect(await count({ input: 'x'.repeat(400) })).toEqual({ object: 'response.input_tokens', input_tokens: 100 });
    face.agent.say(says('y'.repeat(80)));
    const { id } = await face.create({ input: 'x'.repeat(400) });
    expect(await count({ input: 'z'.repeat(40), previous_response_id: id })).toMatchObject({ input_tokens: 130 });
    const image_url = `data:image/png;base64,${'A'.repeat(100_000)}`;
    const image = [{ role: 'user', content: [{ type: 'input_image', image_url }] }];
    expect((await count({ input: image })).input_tokens).toBeLessThan(2000);
    expect(await count({ input: 'x', previous_response_id: 'resp_none' })).toMatchObject({
      error: { code: 'previous_response_not_found' },
    });
  });
});

describe('code that calls functions', () => {
  it('waits, and goes on with what they returned', async () => {
    let session = '';
    face.agent.say(
      async function* (request) {
        yield { type: 'code_start', callId: 'c1' };
        session = await request.code!.session();
        yield { type: 'code_ready', callId: 'c1', code: 'look()', sessionId: session };
        const calls = [{ id: 't1', name: 'look', input: { a: 1 } }];
        yield { type: 'code_waiting', callId: 'c1', executionId: 'e1', calls, after: 3 };
        yield end('functions');
      },
      async function* (request) {
        yield* runs(request, 'look()', { result: { stdout: said('7') } });
        yield end();
      },
      says('bye'),
    );
    const tools = [...code.tools, { type: 'function', name: 'look', allowed_callers: ['programmatic'] }];
    const one = await face.create({ input: 'x', tools });
    expect(face.agent.requests[0]!.functions).toMatchObject([{ name: 'look', callers: ['code'] }]);
    const [waiting, call] = one.output;
    expect(waiting).toMatchObject({ type: 'code_interpreter_call', status: 'interpreting' });
    if (call?.type !== 'function_call') throw new Error('no call');
    expect(call).toMatchObject({
      name: 'look',
      arguments: '{"a":1}',
      caller: { type: 'program', caller_id: waiting!.id },
    });
    const answer = { type: 'function_call_output', call_id: call.call_id, output: '{"found":7}' };
    const two = await face.create({ input: [answer], previous_response_id: one.id, tools });
    expect(face.agent.requests[1]).toMatchObject({
      messages: [{ role: 'user' }],
      resume: {
        callId: 'c1',
        executionId: 'e1',
        after: 3,
        code: 'look()',
        results: [{ id: 't1', value: { found: 7 } }],
      },
    });
    expect(two.output[0]).toMatchObject({ status: 'completed', container_id: `cntr_${session}` });
    // A client that sends everything again.
    await face.create({
      input: [{ role: 'user', content: 'x' }, ...one.output, answer, ...two.output, { role: 'user', content: 'more' }],
      tools,
    });
    expect(face.agent.requests[2]!.resume).toBeUndefined();
    expect(face.agent.requests[2]!.messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant', content: [{ type: 'code_call', modelView: 'shown: 7' }] },
      { role: 'user' },
    ]);
  });
});

it('does not let another key use its container', async () => {
  face.agent.say(async function* (request) {
    yield* runs(request, 'x');
    yield end();
  });
  const { output } = await face.create({ input: 'x', ...code });
  const { container_id: container } = output[0] as { container_id: string };
  expect((await face.service.sessions.get(ann, container.slice(5))).state).not.toBe('expired');
  const body = { input: 'x', tools: [{ type: 'code_interpreter', container }] };
  expect((await face.call('POST', '/responses', body, 'bob')).status).toBe(404);
});
