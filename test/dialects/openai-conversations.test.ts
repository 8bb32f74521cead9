import {
  Agent,
  tool as agentTool,
  codeInterpreterTool,
  OpenAIConversationsSession,
  OpenAIProvider,
  Runner,
  setTracingDisabled,
} from '@openai/agents';
import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { model, type OpenAiService, startOpenAi } from '../support/openai.ts';

/** Conversations, by OpenAI's own clients and its Agents SDK, against a real server and a scripted model. */
let service: OpenAiService;
let client: OpenAI;
let stranger: OpenAI;
beforeAll(async () => {
  setTracingDisabled(true);
  service = await startOpenAi({ DRAGOMAN_API_KEYS: 'ann:ann-0123456789abcdef,bob:bob-0123456789abcdef' });
  client = service.client;
  stranger = new OpenAI({ baseURL: service.baseURL, apiKey: 'bob-0123456789abcdef', maxRetries: 0 });
});
afterAll(() => service?.stop());
afterEach(() => service.upstream.reset());

const tools = [{ type: 'code_interpreter' as const, container: { type: 'auto' as const } }];
const include = ['code_interpreter_call.outputs' as const];
const lastSent = () => JSON.stringify(service.upstream.requests.at(-1)!.body.messages);
type Item = OpenAI.Conversations.ConversationItem;
const all = async (id: string, query: object = { order: 'asc' }): Promise<Item[]> =>
  Array.fromAsync(client.conversations.items.list(id, query));

describe.each([
  ['openai 7', () => service.client],
  ['openai 6', () => service.previous as unknown as OpenAI],
])('a conversation of %s', (_, sdk) => {
  it('is made, found, changed and removed', async () => {
    const made = await sdk().conversations.create({ metadata: { a: 'b' } });
    expect(made).toMatchObject({ id: expect.stringMatching(/^conv_/), object: 'conversation', metadata: { a: 'b' } });
    expect(Number.isInteger(made.created_at)).toBe(true);
    expect(await sdk().conversations.retrieve(made.id)).toMatchObject({ id: made.id, metadata: { a: 'b' } });
    const changed = await sdk().conversations.update(made.id, { metadata: { c: 'd' } });
    expect(changed).toMatchObject({ id: made.id, created_at: made.created_at, metadata: { c: 'd' } });
    const removed = await sdk().conversations.delete(made.id);
    expect(removed).toEqual({ id: made.id, object: 'conversation.deleted', deleted: true });
    await expect(sdk().conversations.retrieve(made.id)).rejects.toMatchObject({ status: 404 });
  });

  it('holds items in their order, which can be added, read page by page, and removed', async () => {
    const { id } = await sdk().conversations.create({ items: [{ role: 'user', content: 'one' }] });
    const added = await sdk().conversations.items.create(id, {
      items: ['two', 'three'].map((content) => ({ type: 'message', role: 'user', content })),
    });
    expect([added.object, added.data.length, added.has_more]).toEqual(['list', 2, false]);
    await sdk().conversations.items.create(id, {
      items: [
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'four', annotations: [] }] },
      ] as never,
    });
    const items = await Array.fromAsync(sdk().conversations.items.list(id, { limit: 1, order: 'asc' }));
    const texts = items.map((item) => (item as { content: { text: string }[] }).content[0]!.text);
    expect(texts).toEqual(['one', 'two', 'three', 'four']);
    const [newest] = (await sdk().conversations.items.list(id, { limit: 1 })).data;
    expect(newest).toMatchObject({ role: 'assistant', content: [{ type: 'output_text', annotations: [] }] });
    expect(await sdk().conversations.items.retrieve(newest!.id!, { conversation_id: id })).toEqual(newest);
    const left = await sdk().conversations.items.delete(newest!.id!, { conversation_id: id });
    expect(left).toMatchObject({ id, object: 'conversation' });
    expect((await Array.fromAsync(sdk().conversations.items.list(id))).length).toBe(3);
    const gone = sdk().conversations.items.retrieve(newest!.id!, { conversation_id: id });
    await expect(gone).rejects.toMatchObject({ status: 404 });
  });

  it('is gone on from, and grows, with its container', async () => {
    const { id } = await sdk().conversations.create({ items: [{ role: 'developer', content: 'Be brief.' }] });
    service.upstream.say([{ python: 'x = 4241\nprint("kept")' }], [{ text: 'Kept.' }]);
    const first = await sdk().responses.create({ model, input: 'Keep x', tools, include, conversation: id });
    expect(first.conversation).toEqual({ id });
    service.upstream.say([{ python: 'print(x + 1)' }], [{ text: 'It is 4242.' }]);
    const streamed = sdk().responses.stream({ model, input: 'Add one', tools, include, conversation: { id } });
    const second = await streamed.finalResponse();
    expect(second.output[0]).toMatchObject({ outputs: [{ type: 'logs', logs: '4242\n' }] });
    for (const part of ['Be brief.', 'Keep x', 'x = 4241', 'kept', 'Kept.', 'Add one'])
      expect(lastSent()).toContain(part);
    const items = await Array.fromAsync(sdk().conversations.items.list(id, { order: 'asc', include }));
    expect(items.map((item) => (item.type === 'message' ? item.role : item.type))).toEqual([
      'developer',
      'user',
      'code_interpreter_call',
      'assistant',
      'user',
      'code_interpreter_call',
      'assistant',
    ]);
    expect(items[5]).toMatchObject({ outputs: [{ type: 'logs', logs: '4242\n' }] });
    expect((await sdk().conversations.items.list(id, { order: 'asc' })).data[5]).toMatchObject({ outputs: null });
  });
});

describe('a request', () => {
  it('cannot go on from a conversation and a response at once, nor from one that is not there', async () => {
    const { id: conversation } = await client.conversations.create();
    service.upstream.say([{ text: 'ok' }]);
    const { id: previous_response_id } = await client.responses.create({ model, input: 'x' });
    const both = client.responses.create({ model, input: 'x', conversation, previous_response_id });
    await expect(both).rejects.toMatchObject({ status: 400, param: 'conversation' });
    const none = client.responses.create({ model, input: 'x', conversation: 'conv_none' });
    await expect(none).rejects.toMatchObject({ status: 404, type: 'invalid_request_error' });
  });

  it('that fails leaves the conversation as it was', async () => {
    const { id } = await client.conversations.create({ items: [{ role: 'user', content: 'one' }] });
    service.upstream.say([{ python: 'print(1)' }], { status: 400 });
    const response = await client.responses.create({ model, input: 'two', tools, conversation: id });
    expect(response.status).toBe('failed');
    expect((await all(id)).length).toBe(1);
  });

  it('is added to it also when the response itself is not stored', async () => {
    const { id } = await client.conversations.create();
    service.upstream.say([{ text: 'ok' }]);
    await client.responses.create({ model, input: 'two', store: false, conversation: id });
    expect((await all(id)).map((item) => (item as { role: string }).role)).toEqual(['user', 'assistant']);
  });

  it('of another key finds nothing', async () => {
    const { id } = await client.conversations.create({ items: [{ role: 'user', content: 'secret' }] });
    const [item] = await all(id);
    for (const attempt of [
      () => stranger.conversations.retrieve(id),
      () => stranger.conversations.update(id, { metadata: {} }),
      () => stranger.conversations.delete(id),
      () => stranger.conversations.items.list(id),
      () => stranger.conversations.items.create(id, { items: [{ role: 'user', content: 'x' }] }),
      () => stranger.conversations.items.retrieve(item!.id!, { conversation_id: id }),
      () => stranger.conversations.items.delete(item!.id!, { conversation_id: id }),
      () => stranger.responses.create({ model, input: 'x', conversation: id }),
    ])
      await expect(attempt()).rejects.toMatchObject({ status: 404 });
    const { id: own } = await stranger.conversations.create();
    const taken = stranger.conversations.items.create(own, { items: [{ type: 'item_reference', id: item!.id! }] });
    await expect(taken).rejects.toMatchObject({ status: 404 });
    expect((await all(id)).length).toBe(1);
  });

  it.each([
    [{ metadata: { a: 'x'.repeat(513) } }, 'metadata.a'],
    [{ items: [{ type: 'web_search_call', id: 'x' }] }, 'items[0].type'],
    [{ items: 'x' }, 'items'],
  ])('that is wrong is told where: %j', async (body, param) => {
    await expect(client.post('/conversations', { body })).rejects.toMatchObject({ status: 400, param });
  });
});

describe('the Agents SDK', () => {
  const runner = () =>
    new Runner({
      modelProvider: new OpenAIProvider({ apiKey: service.server.key, baseURL: service.baseURL, useResponses: true }),
    });
  const weather = agentTool({
    name: 'weather',
    description: 'weather',
    parameters: z.object({ at: z.string() }),
    execute: async ({ at }) => `sun in ${at}`,
  });
  const agent = () =>
    new Agent({
      name: 'Analyst',
      model,
      instructions: 'Compute.',
      tools: [codeInterpreterTool({ includeOutputs: true }), weather],
    });

  it('keeps a session in a conversation, variables included', async () => {
    const session = new OpenAIConversationsSession({ client: client as never });
    service.upstream.say(
      [{ python: 'x = 4241\nprint("kept x")' }, { call: 'weather', arguments: { at: 'Rome' } }],
      [{ text: 'Kept.' }],
    );
    await runner().run(agent(), 'Keep x', { session });
    service.upstream.say([{ python: 'print(x + 1)' }], [{ text: 'It is 4242.' }]);
    const { finalOutput } = await runner().run(agent(), 'Add one', { session });
    expect(finalOutput).toBe('It is 4242.');
    for (const part of ['Keep x', 'x = 4241', 'kept x', 'sun in Rome', 'Kept.', '4242'])
      expect(lastSent()).toContain(part);
    const items = await session.getItems();
    expect(items.length).toBeGreaterThanOrEqual(8);
    const last = await session.popItem();
    expect(last).toMatchObject({ role: 'assistant' });
    expect((await session.getItems()).length).toBe(items.length - 1);
    const id = await session.getSessionId();
    await session.clearSession();
    await expect(client.conversations.retrieve(id)).rejects.toMatchObject({ status: 404 });
  });

  it('goes on from a conversation that the server keeps', async () => {
    const { id: conversationId } = await client.conversations.create();
    service.upstream.say([{ python: 'y = 41' }, { call: 'weather', arguments: { at: 'Oslo' } }], [{ text: 'Kept.' }]);
    await runner().run(agent(), 'Keep y', { conversationId });
    service.upstream.say([{ python: 'print(y + 1)' }], [{ text: 'It is 42.' }]);
    const result = await runner().run(agent(), 'Add one', { conversationId, stream: true });
    for await (const _ of result);
    expect(result.finalOutput).toBe('It is 42.');
    for (const part of ['y = 41', 'sun in Oslo', 'Kept.', '42']) expect(lastSent()).toContain(part);
  });
});
