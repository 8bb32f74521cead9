import { createAnthropic } from '@ai-sdk/anthropic';
import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { ChatAnthropic } from '@langchain/anthropic';
import { generateText, jsonSchema, type ModelMessage, stepCountIs, streamText, tool } from 'ai';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AnthropicService, calls, model, startAnthropic } from '../support/anthropic.ts';

/** Clients that were made for Anthropic, unchanged, against a real server and a scripted model. */
let service: AnthropicService;
beforeAll(async () => {
  service = await startAnthropic();
});
afterAll(() => service?.stop());
afterEach(() => service.upstream.reset());

const lastSent = () => JSON.stringify(service.upstream.requests.at(-1)!.body.messages);

describe('the Vercel AI SDK', () => {
  const provider = () => createAnthropic({ baseURL: `${service.server.url}/v1`, apiKey: service.server.key });
  const chat = () => provider()(model);

  it.each(['20250522', '20250825', '20260120'] as const)('runs code by version %s', async (version) => {
    const tools = { code_execution: provider().tools[`codeExecution_${version}`]() };
    service.upstream.say([calls.python('print(6 * 7)')], [{ text: 'It is 42.' }]);
    const { text, toolCalls, toolResults, usage, finishReason } = await generateText({
      model: chat(),
      prompt: 'Go',
      tools,
    });
    expect([text, finishReason, usage.inputTokens, usage.outputTokens]).toEqual(['It is 42.', 'stop', 20, 10]);
    expect(toolCalls).toMatchObject([{ toolName: 'code_execution', input: { code: 'print(6 * 7)' } }]);
    expect(toolResults).toMatchObject([{ output: { stdout: '42\n', return_code: 0 } }]);
  });

  it('streams Bash and the editor, and sends it all again', async () => {
    const tools = { code_execution: provider().tools.codeExecution_20250825() };
    service.upstream.say(
      [{ text: 'See:' }, calls.bash('echo hi > a.txt; exit 3')],
      [calls.editor({ command: 'view', path: 'a.txt' })],
      [calls.editor({ command: 'str_replace', path: 'a.txt', old_str: 'nowhere', new_str: '' })],
      [{ text: 'Done.' }],
    );
    const messages: ModelMessage[] = [{ role: 'user', content: 'Go' }];
    const result = streamText({ model: chat(), messages, tools });
    const parts = await Array.fromAsync(result.fullStream);
    expect(parts.filter(({ type }) => type === 'error')).toEqual([]);
    expect(parts.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['tool-input-delta', 'tool-call', 'tool-result']),
    );
    messages.push(...(await result.response).messages, { role: 'user', content: 'Again' });
    service.upstream.say([{ text: 'As I said.' }]);
    expect((await generateText({ model: chat(), messages, tools })).text).toBe('As I said.');
    expect(lastSent()).toContain('echo hi > a.txt');
    expect(lastSent()).toContain('[Exit code 3.]');
  });

  it('runs tools of its own between ours, and thoughts', async () => {
    const weather = tool({
      description: 'weather',
      inputSchema: jsonSchema<{ at: string }>({ type: 'object', properties: { at: { type: 'string' } } }),
      execute: async ({ at }) => `sun in ${at}`,
    });
    service.upstream.say(
      [{ reasoning: 'hm' }, calls.python('1 + 1'), { call: 'weather', arguments: { at: 'Rome' } }],
      [{ text: 'Sunny.' }],
    );
    const { text, steps } = await generateText({
      model: chat(),
      prompt: 'Go',
      tools: { code_execution: provider().tools.codeExecution_20250825(), weather },
      stopWhen: stepCountIs(3),
      providerOptions: { anthropic: { thinking: { type: 'adaptive' } } },
    });
    expect([text, steps[0]!.reasoningText]).toEqual(['Sunny.', 'hm']);
    expect(lastSent()).toContain('sun in Rome');
  });

  it('answers calls of code', async () => {
    const points = tool({
      description: 'points',
      inputSchema: jsonSchema<{ player: string }>({
        type: 'object',
        properties: { player: { type: 'string' } },
        required: ['player'],
      }),
      execute: async ({ player }) => `${player.length}`,
      providerOptions: { anthropic: { allowedCallers: ['code_execution_20260120'] } },
    });
    service.upstream.say([calls.python('print(int(await points("ann")) * 14)')], [{ text: '42' }]);
    const { text, steps } = await generateText({
      model: chat(),
      prompt: 'Go',
      tools: { code_execution: provider().tools.codeExecution_20260120(), points },
      stopWhen: stepCountIs(4),
      prepareStep: ({ steps }) => {
        const { container } = (steps.at(-1)?.providerMetadata?.anthropic ?? {}) as { container?: { id: string } };
        return container ? { providerOptions: { anthropic: { container: { id: container.id } } } } : {};
      },
    });
    expect(text).toBe('42');
    expect(JSON.stringify(steps.at(-1)!.content)).toContain('42');
  });

  it('shows an error in the middle of a stream, and one before it', async () => {
    const tools = { code_execution: provider().tools.codeExecution_20250825() };
    service.upstream.say([calls.python('print(1)')], { status: 400 });
    const parts = await Array.fromAsync(streamText({ model: chat(), prompt: 'Go', tools, onError() {} }).fullStream);
    expect(parts.filter(({ type }) => type === 'error').length).toBeGreaterThan(0);
    service.upstream.say({ status: 404 });
    await expect(generateText({ model: chat(), prompt: 'Go', tools, maxRetries: 0 })).rejects.toThrow(
      /does not know this model/,
    );
  });
});

describe('Anthropic’s tool runner', () => {
  it('falls back to whole histories, and runs its tools', async () => {
    const weather = betaTool({
      name: 'weather',
      description: 'weather',
      inputSchema: { type: 'object', properties: { at: { type: 'string' } }, required: ['at'] },
      run: ({ at }) => `sun in ${at}`,
    });
    service.upstream.say(
      [calls.python('print(1)'), { call: 'weather', arguments: { at: 'Rome' } }],
      [{ text: 'Sunny.' }],
    );
    const tools = [{ type: 'code_execution_20250825', name: 'code_execution' }, weather] as never;
    const messages = [{ role: 'user' as const, content: 'Go' }];
    const last = await service.client.beta.messages.toolRunner({ model, max_tokens: 1000, messages, tools });
    expect(last.content).toMatchObject([{ type: 'text', text: 'Sunny.' }]);
    expect(lastSent()).toContain('sun in Rome');
    expect(service.upstream.requests.length).toBe(2);
  });
});

describe('Anthropic’s stream helper', () => {
  it('has every block', async () => {
    service.upstream.say([{ text: 'See.' }, calls.python('print(6 * 7)')], [{ text: ['It is ', '42.'] }]);
    const tools = [{ type: 'code_execution_20260120', name: 'code_execution' }] as Anthropic.ToolUnion[];
    const messages = [{ role: 'user' as const, content: 'Go' }];
    const stream = service.client.messages.stream({ model, max_tokens: 1000, messages, tools });
    const texts: string[] = [];
    stream.on('text', (delta) => texts.push(delta));
    const { content, container, usage } = await stream.finalMessage();
    expect(texts).toEqual(['See.', 'It is ', '42.']);
    expect(content).toMatchObject([
      { type: 'text' },
      { type: 'server_tool_use', input: { code: 'print(6 * 7)' } },
      { type: 'code_execution_tool_result', content: { stdout: '42\n' } },
      { type: 'text', text: 'It is 42.' },
    ]);
    expect([container?.id, usage.output_tokens]).toEqual([expect.stringMatching(/^container_/), 10]);
  });

  it('has classes for errors', async () => {
    const asked = { model, max_tokens: 10, messages: [{ role: 'user' as const, content: 'Go' }] };
    const stranger = new Anthropic({ baseURL: service.server.url, apiKey: 'wrong-key', maxRetries: 0 });
    await expect(stranger.messages.create(asked)).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
    service.upstream.say({ status: 404 });
    await expect(service.client.messages.create(asked)).rejects.toBeInstanceOf(Anthropic.NotFoundError);
    const batches = service.client.messages.batches.list();
    await expect(batches).rejects.toMatchObject({ status: 404, error: { error: { message: /not served here/ } } });
  });
});

it('LangChain runs code and its own tools', async () => {
  const chat = new ChatAnthropic({
    model,
    anthropicApiUrl: service.server.url,
    apiKey: service.server.key,
    maxRetries: 0,
  });
  service.upstream.say([calls.python('print(6 * 7)')], [{ text: 'It is 42.' }]);
  const bound = chat.bindTools([{ type: 'code_execution_20250825', name: 'code_execution' } as never]);
  const answer = await bound.invoke('Go');
  expect(JSON.stringify(answer.content)).toContain('42\\n');
  expect(answer.usage_metadata).toMatchObject({ output_tokens: 10 });
});
