import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts';

/** OpenAI's client in front, models that speak otherwise behind: through a real server with real code between. */
let upstream: ScriptedUpstream;
let server: TestServer;
let client: OpenAI;
beforeAll(async () => {
  upstream = await startUpstream();
  const at = { base_url: upstream.baseUrl, api_key: 'k', vision: true };
  server = await startServer({
    env: {
      DRAGOMAN_UPSTREAMS: JSON.stringify({
        own: { ...at, provider: 'openai' },
        claude: { ...at, provider: 'anthropic' },
        gemini: { ...at, provider: 'google' },
      }),
      DRAGOMAN_RATE_LIMITS: 'off',
    },
  });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: server.key, maxRetries: 0 });
});
afterAll(async () => {
  await server?.stop();
  await upstream.close();
});
beforeEach(() => upstream.reset());

const parameters = { type: 'object', properties: { city: { type: 'string' } } };
const weather = { type: 'function' as const, name: 'weather', parameters, strict: false };
const tools = [{ type: 'code_interpreter' as const, container: { type: 'auto' as const } }, weather];
const sent = (number: number) => JSON.stringify(upstream.requests[number]!.body);

/** What a provider wants back in its own form: the thoughts of both turns, before the call they led to. */
const signed = {
  'own/gpt': /sealed first.*print\(6 \* 7\).*42.*sealed second.*weather.*sun/,
  'claude/sonnet':
    /"thinking":"first","signature":"scripted".*print\(6 \* 7\).*42.*"thinking":"second","signature":"scripted".*weather.*sun/,
  'gemini/flash': /print\(6 \* 7\).*"thoughtSignature":"signed".*42.*weather.*"thoughtSignature":"signed".*sun/,
};

describe.each(Object.entries(signed))('%s', (model, pattern) => {
  /** Thinks, runs code, thinks again, and calls the client's function. */
  const say = () =>
    upstream.say(
      [{ reasoning: 'first' }, { python: 'print(6 * 7)' }],
      [{ reasoning: 'second' }, { call: 'weather', arguments: { city: 'Oslo' } }],
    );

  it.each(['by reference', 'sent again'])('has its thoughts back when a function was answered, %s', async (how) => {
    say();
    const first = await client.responses.create({ model, input: 'Go', tools });
    const call = first.output.find((item) => item.type === 'function_call')!;
    const answer = { type: 'function_call_output' as const, call_id: call.call_id, output: 'sun' };
    upstream.say([{ text: 'Sunny.' }]);
    const second = await client.responses.create({
      model,
      tools,
      ...(how === 'by reference'
        ? { previous_response_id: first.id, input: [answer] }
        : { input: [{ role: 'user', content: 'Go' }, ...(first.output as OpenAI.Responses.ResponseInput), answer] }),
    });
    expect(second.output_text).toBe('Sunny.');
    expect(sent(2)).toMatch(pattern);
  });

  it.each([true, false])('has them back in a chat, with code: %s', async (withCode) => {
    if (withCode) say();
    else upstream.say([{ reasoning: 'second' }, { call: 'weather', arguments: { city: 'Oslo' } }]);
    const { type, name, ...rest } = weather;
    const asked = {
      model,
      tools: [...(withCode ? [{ type: 'code_interpreter' }] : []), { type, function: { name, ...rest } }] as never,
    };
    // To a provider that speaks this API a chat without code goes as it is.
    const isRelayed = model.startsWith('own/') && !withCode;
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Go' }];
    const { message } = (await client.chat.completions.create({ ...asked, messages })).choices[0]!;
    const [call] = message.tool_calls!;
    messages.push(message, { role: 'tool', tool_call_id: call!.id, content: 'sun' });
    upstream.say([{ text: 'Sunny.' }]);
    const next = await client.chat.completions.create({ ...asked, messages });
    expect(next.choices[0]!.message.content).toBe('Sunny.');
    const last = sent(upstream.requests.length - 1);
    if (withCode) expect(last).toMatch(pattern);
    else if (!isRelayed) expect(last).toMatch(/"scripted".*weather.*sun|weather.*"signed".*sun/);
    expect(upstream.requests.at(-1)!.protocol === 'chat').toBe(isRelayed);
  });

  it.each(['by reference', 'in a conversation'])(
    'has them back after code that waited for functions, %s',
    async (how) => {
      const look = { ...weather, name: 'look', allowed_callers: ['programmatic' as const] };
      const asked = { model, tools: [tools[0]!, look], include: ['code_interpreter_call.outputs' as const] };
      const conversation = how === 'by reference' ? null : (await client.conversations.create()).id;
      upstream.say([{ reasoning: 'first' }, { python: 'for city in "AB": print(await tools.look(city=city))' }]);
      let response = await client.responses.create({ ...asked, input: 'Go', conversation });
      upstream.say([{ text: 'Done.' }]);
      for (const output of ['sun', 'rain']) {
        const call = response.output.find((item) => item.type === 'function_call')!;
        const input = [{ type: 'function_call_output' as const, call_id: call.call_id, output }];
        const before = conversation === null ? { previous_response_id: response.id } : { conversation };
        response = await client.responses.create({ ...asked, ...before, input });
      }
      expect(response.output_text).toBe('Done.');
      expect(response.output[0]).toMatchObject({ outputs: [{ type: 'logs', logs: 'sun\nrain\n' }] });
      expect(sent(1)).toMatch(
        /(?:sealed first|"thinking":"first","signature":"scripted"|tools\.look.*"signed").*sun.*rain/,
      );
    },
  );

  it('sees a figure, and is told of an exception', async () => {
    const code = 'import matplotlib.pyplot as plt\nplt.plot([1]); plt.show()\nraise ValueError("no such luck")';
    upstream.say([{ python: code }], [{ text: 'Seen.' }]);
    const { output_text, usage } = await client.responses.create({ model, input: 'Go', tools });
    expect(output_text).toBe('Seen.');
    expect(sent(1)).toContain('iVBORw0KGgo');
    expect(sent(1)).toContain('no such luck');
    expect(usage).toMatchObject({ input_tokens: 20, output_tokens: 10 });
  });
});
