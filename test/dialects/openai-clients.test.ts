import { createOpenAI } from '@ai-sdk/openai';
import { HumanMessage } from '@langchain/core/messages';
import { tool as langchainTool } from '@langchain/core/tools';
import { ChatOpenAI, tools as langchainTools } from '@langchain/openai';
import {
  Agent,
  tool as agentTool,
  codeInterpreterTool,
  OpenAIProvider,
  OpenAIResponsesCompactionSession,
  Runner,
  setTracingDisabled,
  user,
} from '@openai/agents';
import { generateText, jsonSchema, type ModelMessage, stepCountIs, streamText, tool } from 'ai';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { model, type OpenAiService, startOpenAi } from '../support/openai.ts';

/** Clients that were made for OpenAI, unchanged, against a real server and a scripted model. */
let service: OpenAiService;
beforeAll(async () => {
  setTracingDisabled(true);
  service = await startOpenAi();
});
afterAll(() => service?.stop());
afterEach(() => service.upstream.reset());

/** What the model was sent last. */
const lastSent = () => JSON.stringify(service.upstream.requests.at(-1)!.body.messages);

describe('the Vercel AI SDK', () => {
  const provider = () => createOpenAI({ baseURL: service.baseURL, apiKey: service.server.key });
  const tools = () => ({ python: provider().tools.codeInterpreter({}) });
  const responses = () => provider().responses(model);

  it('finds the call and its outputs', async () => {
    service.upstream.say([{ python: 'print(6 * 7)\n6 * 7' }], [{ text: 'It is 42.' }]);
    const { text, toolCalls, toolResults, usage, finishReason } = await generateText({
      model: responses(),
      prompt: 'Go',
      tools: tools(),
    });
    expect(text).toBe('It is 42.');
    expect(toolCalls).toMatchObject([{ toolName: 'python', input: { code: 'print(6 * 7)\n6 * 7' } }]);
    expect(toolResults).toMatchObject([{ output: { outputs: [{ type: 'logs', logs: '42\n42' }] } }]);
    expect([usage.inputTokens, usage.outputTokens, finishReason]).toEqual([20, 10, 'stop']);
  });

  it('understands outputs of every kind a cell has', async () => {
    const code =
      'import pandas as pd, matplotlib.pyplot as plt\nplt.plot([1]); plt.show()\ndisplay(pd.DataFrame({"a": [1]}))\nraise ValueError("no")';
    service.upstream.say([{ python: code }], [{ text: 'Done.' }]);
    const { toolResults } = await generateText({ model: responses(), prompt: 'Go', tools: tools() });
    const [{ output } = { output: undefined }] = toolResults as { output: { outputs: { type: string }[] } }[];
    expect(output!.outputs.map(({ type }) => type)).toEqual(['logs', 'image']);
    expect(JSON.stringify(output)).toContain('ValueError');
  });

  it('sees the call while it streams, and the sources', async () => {
    service.upstream.say([{ python: 'open("a.txt", "w").write("a")' }], [{ text: '[a](sandbox:/mnt/data/a.txt)' }]);
    const { fullStream } = streamText({ model: responses(), prompt: 'Go', tools: tools() });
    const parts = await Array.fromAsync(fullStream);
    const types = parts.map(({ type }) => type);
    expect(types).not.toContain('error');
    expect(types).toEqual(
      expect.arrayContaining(['tool-input-delta', 'tool-call', 'tool-result', 'text-delta', 'source']),
    );
    expect(types.indexOf('tool-call')).toBeLessThan(types.indexOf('tool-result'));
  });

  it('goes on with items it only names, in the same container', async () => {
    service.upstream.say([{ python: 'x = 4241' }], [{ text: 'I keep it.' }]);
    const messages: ModelMessage[] = [{ role: 'user', content: 'Keep x' }];
    const first = await generateText({ model: responses(), messages, tools: tools() });
    messages.push(...first.response.messages, { role: 'user', content: 'Add one' });
    service.upstream.say([{ python: 'print(x + 1)' }], [{ text: '4242' }]);
    const second = await generateText({ model: responses(), messages, tools: tools() });
    expect(second.toolResults).toMatchObject([{ output: { outputs: [{ logs: '4242\n' }] } }]);
    expect(lastSent()).toContain('I keep it.');
    expect(lastSent()).toContain('x = 4241');
  });

  it('goes on with everything sent again where nothing is stored, and from a previous response', async () => {
    const stateless = { openai: { store: false } };
    service.upstream.say([{ python: 'x = 4241\nprint("kept")' }], [{ text: 'I keep it.' }]);
    const messages: ModelMessage[] = [{ role: 'user', content: 'Keep x' }];
    const first = await generateText({ model: responses(), messages, tools: tools(), providerOptions: stateless });
    messages.push(...first.response.messages, { role: 'user', content: 'Add one' });
    service.upstream.say([{ text: '4242' }]);
    const second = await generateText({ model: responses(), messages, tools: tools(), providerOptions: stateless });
    expect(second.text).toBe('4242');
    expect(lastSent()).toContain('I keep it.');
    service.upstream.say([{ python: 'y = 41' }], [{ text: 'Kept.' }]);
    const third = await generateText({ model: responses(), prompt: 'Keep y', tools: tools() });
    const previousResponseId = third.providerMetadata!.openai!.responseId as string;
    service.upstream.say([{ python: 'print(y + 1)' }], [{ text: '42' }]);
    const providerOptions = { openai: { previousResponseId } };
    const fourth = await generateText({ model: responses(), prompt: 'Add one', tools: tools(), providerOptions });
    expect(fourth.toolResults).toMatchObject([{ output: { outputs: [{ logs: '42\n' }] } }]);
  });

  it('sends a file along that code reads, and downloads what code made', async () => {
    const data = new TextEncoder().encode('6,7');
    service.upstream.say(
      [{ python: 'open("out.txt", "w").write(open("in.csv").read().replace(",", "*"))' }],
      [{ text: 'See [out](sandbox:/mnt/data/out.txt).' }],
    );
    const { sources } = await generateText({
      model: responses(),
      messages: [{ role: 'user', content: [{ type: 'file', data, filename: 'in.csv', mediaType: 'text/csv' }] }],
      tools: tools(),
      providerOptions: { openai: { passThroughUnsupportedFiles: true } },
    });
    const { containerId, fileId } = sources[0]!.providerMetadata!.openai as { containerId: string; fileId: string };
    const content = await service.client.containers.files.content.retrieve(fileId, { container_id: containerId });
    expect(await content.text()).toBe('6*7');
  });

  it('shows an error in the middle of a stream', async () => {
    service.upstream.say([{ python: 'print(1)' }], { status: 400 });
    const { fullStream } = streamText({ model: responses(), prompt: 'Go', tools: tools(), onError() {} });
    const parts = await Array.fromAsync(fullStream);
    expect(parts.filter(({ type }) => type === 'error').length).toBeGreaterThan(0);
    expect(parts.map(({ type }) => type)).toContain('tool-call');
    expect(service.upstream.requests.length).toBe(2);
  });

  it('runs its own tools between ours', async () => {
    const weather = tool({
      description: 'weather',
      inputSchema: jsonSchema<{ at: string }>({ type: 'object', properties: { at: { type: 'string' } } }),
      execute: async ({ at }) => `sun in ${at}`,
    });
    service.upstream.say(
      [{ python: 'print(1)' }, { call: 'weather', arguments: { at: 'Rome' } }],
      [{ text: 'Sunny.' }],
    );
    const { text } = await generateText({
      model: responses(),
      prompt: 'Go',
      tools: { ...tools(), weather },
      stopWhen: stepCountIs(3),
    });
    expect(text).toBe('Sunny.');
    expect(lastSent()).toContain('sun in Rome');
  });

  it('reads the message of an error', async () => {
    const providerOptions = { openai: { previousResponseId: 'resp_nonsense' } };
    const unknown = generateText({ model: responses(), prompt: 'Go', providerOptions, maxRetries: 0 });
    await expect(unknown).rejects.toThrow("Previous response with id 'resp_nonsense' not found.");
  });

  it('reads a response that failed after code ran, and does not try again', async () => {
    service.upstream.say([{ python: 'print(1)' }], { status: 400 });
    await expect(generateText({ model: responses(), prompt: 'Go', tools: tools() })).rejects.toThrow(/provider|model/i);
    expect(service.upstream.requests.length).toBe(2);
  });
});

describe('the OpenAI Agents SDK', () => {
  const runner = () =>
    new Runner({
      modelProvider: new OpenAIProvider({ apiKey: service.server.key, baseURL: service.baseURL, useResponses: true }),
    });
  const agent = (more: object = {}) =>
    new Agent({ name: 'Analyst', model, instructions: 'Compute.', tools: [codeInterpreterTool()], ...more });

  it('comes to its final output', async () => {
    service.upstream.say([{ python: 'print(6 * 7)' }], [{ text: 'It is 42.' }]);
    const result = await runner().run(agent(), 'Go');
    expect(result.finalOutput).toBe('It is 42.');
    expect(result.newItems.map(({ type }) => type)).toEqual(['tool_call_item', 'message_output_item']);
  });

  it('comes to it streamed', async () => {
    service.upstream.say([{ python: 'print(6 * 7)' }], [{ text: ['It is ', '42.'] }]);
    const result = await runner().run(agent(), 'Go', { stream: true });
    for await (const _ of result);
    await result.completed;
    expect(result.finalOutput).toBe('It is 42.');
  });

  it('sends everything again after an exception, and finds its variables', async () => {
    service.upstream.say([{ python: 'x = 4241\nraise ValueError("no")' }], [{ text: 'It failed.' }]);
    const first = await runner().run(agent(), 'Go');
    service.upstream.say([{ python: 'open("n.txt", "w").write(str(x + 1))\nprint(x + 1)' }], [{ text: 'It is 42.' }]);
    const second = await runner().run(agent(), [...first.history, user('Again')]);
    expect(second.finalOutput).toBe('It is 42.');
    expect(lastSent()).toContain('4242');
    expect(lastSent()).toContain('ValueError');
  });

  it('goes on from a previous response', async () => {
    service.upstream.say([{ python: 'x = 4241' }], [{ text: 'Kept.' }]);
    const first = await runner().run(agent(), 'Keep');
    service.upstream.say([{ python: 'print(x + 1)' }], [{ text: 'It is 42.' }]);
    await runner().run(agent(), 'Add', { previousResponseId: first.lastResponseId! });
    expect(lastSent()).toContain('4242');
  });

  it('compacts its sessions, and finds its variables afterwards', async () => {
    const client = service.client as never;
    const session = new OpenAIResponsesCompactionSession({ client, model: 'gpt-scripted' });
    service.upstream.say([{ python: 'x = 4241' }], [{ text: 'Kept.' }], [{ text: 'x holds the number.' }]);
    await runner().run(agent(), 'Keep', { session });
    await session.runCompaction({ force: true });
    const kept = (await session.getItems()).map(({ type }) => type);
    expect(kept).toEqual(['message', 'compaction']);
    service.upstream.say([{ python: 'print(x + 1)' }], [{ text: 'It is 42.' }]);
    const result = await runner().run(agent(), 'Add', { session });
    expect(result.finalOutput).toBe('It is 42.');
    expect(lastSent()).toContain('x holds the number.');
    expect(lastSent()).toContain('4242');
  });

  it('goes on streamed, also from a previous response', async () => {
    service.upstream.say([{ python: 'x = 4241\nprint("kept")' }], [{ text: 'Kept.' }]);
    const first = await runner().run(agent(), 'Keep', { stream: true });
    await first.completed;
    service.upstream.say([{ python: 'print(x + 1)' }], [{ text: 'It is 4242.' }]);
    const options = { stream: true as const, previousResponseId: first.lastResponseId! };
    const second = await runner().run(agent(), 'Add', options);
    await second.completed;
    expect(second.finalOutput).toBe('It is 4242.');
    expect(lastSent()).toContain('4242');
  });

  it('sends a file along that code reads', async () => {
    service.upstream.say([{ python: 'print(open("in.csv").read().replace(",", "*"))' }], [{ text: 'Read.' }]);
    const file = `data:text/csv;base64,${btoa('6,7')}`;
    await runner().run(agent(), [{ role: 'user', content: [{ type: 'input_file', file, filename: 'in.csv' }] }]);
    expect(lastSent()).toContain('6*7');
  });

  it('throws what went wrong, and does not run code twice for it', async () => {
    service.upstream.say([{ python: 'print(1)' }], { status: 400 });
    await expect(runner().run(agent(), 'Go')).rejects.toThrow(/provider|failed/i);
    expect(service.upstream.requests.length).toBe(2);
    service.upstream.say([{ python: 'print(1)' }], { status: 400 });
    const streamed = await runner().run(agent(), 'Go', { stream: true });
    await expect(streamed.completed).rejects.toThrow();
    expect(service.upstream.requests.length).toBe(4);
    const unknown = runner().run(agent(), 'Go', { previousResponseId: 'resp_nonsense' });
    await expect(unknown).rejects.toMatchObject({ status: 400, code: 'previous_response_not_found' });
  });

  it('keeps the answer of a response that used up its calls', async () => {
    service.upstream.say([{ python: 'print(1)' }], [{ text: 'Enough.' }]);
    const settings = { modelSettings: { providerData: { max_tool_calls: 1 } } };
    const result = await runner().run(agent(settings), 'Go');
    expect(result.finalOutput).toBe('Enough.');
  });

  it('ends when the model has nothing to say', async () => {
    service.upstream.say([{ python: 'print(1)' }], [{ reasoning: 'Done, I think.' }], [{ text: 'never asked for' }]);
    const result = await runner().run(agent(), 'Go');
    expect(result.finalOutput).toBe('');
    expect(service.upstream.requests.length).toBe(2);
  });

  it('ends when a tool is required', async () => {
    service.upstream.say([{ python: 'print(1)' }], [{ text: 'Done.' }]);
    const result = await runner().run(agent({ modelSettings: { toolChoice: 'required' } }), 'Go');
    expect(result.finalOutput).toBe('Done.');
  });

  it('runs its own tools between ours', async () => {
    const weather = agentTool({
      name: 'weather',
      description: 'weather',
      parameters: z.object({ at: z.string() }),
      execute: async ({ at }) => `sun in ${at}`,
    });
    service.upstream.say(
      [{ python: 'print(1)' }, { call: 'weather', arguments: { at: 'Rome' } }],
      [{ text: 'Sunny.' }],
    );
    const result = await runner().run(agent({ tools: [codeInterpreterTool(), weather] }), 'Go');
    expect(result.finalOutput).toBe('Sunny.');
    expect(lastSent()).toContain('sun in Rome');
  });
});

describe('the OpenAI Agents SDK over chat', () => {
  it.each([false, true])('calls its functions, which go through as they are (streamed: %s)', async (stream) => {
    const modelProvider = new OpenAIProvider({
      apiKey: service.server.key,
      baseURL: service.baseURL,
      useResponses: false,
    });
    const weather = agentTool({
      name: 'weather',
      description: 'weather',
      parameters: z.object({ at: z.string() }),
      execute: async ({ at }) => `sun in ${at}`,
    });
    const agent = new Agent({ name: 'Talker', model, tools: [weather] });
    service.upstream.say([{ call: 'weather', arguments: { at: 'Rome' } }], [{ text: ['Sun', 'ny.'] }]);
    const runner = new Runner({ modelProvider });
    const result = stream ? await runner.run(agent, 'Go', { stream }) : await runner.run(agent, 'Go');
    if ('completed' in result) await result.completed;
    expect(result.finalOutput).toBe('Sunny.');
    expect(lastSent()).toContain('sun in Rome');
  });
});

describe('LangChain', () => {
  const chat = () =>
    new ChatOpenAI({
      model,
      apiKey: service.server.key,
      configuration: { baseURL: service.baseURL },
      useResponsesApi: true,
    }).bindTools([langchainTools.codeInterpreter()], { include: ['code_interpreter_call.outputs'] } as object);

  it('finds the call among the outputs of tools', async () => {
    service.upstream.say([{ python: 'print(6 * 7)' }], [{ text: 'It is 42.' }]);
    const answer = await chat().invoke('Go');
    expect(answer.text).toBe('It is 42.');
    expect(answer.additional_kwargs.tool_outputs).toMatchObject([
      { type: 'code_interpreter_call', code: 'print(6 * 7)', outputs: [{ logs: '42\n' }] },
    ]);
    expect(answer.usage_metadata).toMatchObject({ input_tokens: 20, output_tokens: 10 });
  });

  it('streams', async () => {
    service.upstream.say([{ python: 'print(6 * 7)' }], [{ text: ['It is ', '42.'] }]);
    const chunks = await Array.fromAsync(await chat().stream('Go'));
    expect(chunks.map(({ text }) => text).join('')).toBe('It is 42.');
  });

  it('sends the call again, and finds its variables', async () => {
    service.upstream.say([{ python: 'x = 4241' }], [{ text: 'Kept.' }]);
    const first = await chat().invoke('Keep x');
    service.upstream.say([{ python: 'print(x + 1)' }], [{ text: 'It is 42.' }]);
    await chat().invoke([new HumanMessage('Keep x'), first, new HumanMessage('Add one')]);
    expect(lastSent()).toContain('4242');
  });

  it('goes on from a previous response, streamed', async () => {
    service.upstream.say([{ python: 'x = 4241' }], [{ text: 'Kept.' }]);
    const first = await chat().invoke('Keep x');
    service.upstream.say([{ python: 'print(x + 1)' }], [{ text: ['It is ', '4242.'] }]);
    const options = { previous_response_id: first.response_metadata.id } as object;
    const chunks = await Array.fromAsync(await chat().stream('Add one', options));
    expect(chunks.map(({ text }) => text).join('')).toBe('It is 4242.');
    expect(lastSent()).toContain('x = 4241');
  });

  it('cites files that can be downloaded', async () => {
    service.upstream.say([{ python: 'open("a.txt", "w").write("made")' }], [{ text: '[a](sandbox:/mnt/data/a.txt)' }]);
    const { content } = await chat().invoke('Go');
    type Cited = { annotations: { file_id: string; container_id: string }[] };
    const { file_id, container_id } = (content as unknown as Cited[])[0]!.annotations[0]!;
    const file = await service.client.containers.files.content.retrieve(file_id, { container_id });
    expect(await file.text()).toBe('made');
  });

  it('throws what went wrong', async () => {
    const wrong = new ChatOpenAI({
      model,
      apiKey: 'wrong',
      maxRetries: 0,
      configuration: { baseURL: service.baseURL },
      useResponsesApi: true,
    });
    await expect(wrong.invoke('Go')).rejects.toMatchObject({ status: 401 });
  });

  it('calls its own functions in a chat, which goes through as it is', async () => {
    const chat = new ChatOpenAI({ model, apiKey: service.server.key, configuration: { baseURL: service.baseURL } });
    const weather = langchainTool(async ({ at }) => `sun in ${at}`, {
      name: 'weather',
      description: 'weather',
      schema: z.object({ at: z.string() }),
    });
    const bound = chat.bindTools([weather]);
    service.upstream.say(
      [{ call: 'weather', arguments: { at: 'Rome' }, id: 'call_theirs' }],
      [{ text: ['Sun', 'ny.'] }],
    );
    const asked = new HumanMessage('Go');
    const first = await bound.invoke([asked]);
    expect(first.tool_calls).toMatchObject([{ name: 'weather', args: { at: 'Rome' }, id: 'call_theirs' }]);
    const result = await weather.invoke({ ...first.tool_calls![0]!, type: 'tool_call' });
    const chunks = await Array.fromAsync(await bound.stream([asked, first, result]));
    expect(chunks.map(({ text }) => text).join('')).toBe('Sunny.');
    expect(lastSent()).toContain('sun in Rome');
  });
});
