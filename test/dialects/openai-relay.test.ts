import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts';

/** Requests without our tool, through a real server: the provider must get what the client sent, and the client what it answered. */
const secret = 'sk-operators-0123456789';
let upstream: ScriptedUpstream;
let server: TestServer;
let client: OpenAI;
beforeAll(async () => {
  upstream = await startUpstream();
  const at = { base_url: upstream.baseUrl, api_key: secret };
  const several = {
    local: { ...at, provider: 'openai-compatible', aliases: { quick: 'tiny' }, headers: { 'x-team': 'blue' } },
    slow: { ...at, provider: 'openai-compatible', stream: false },
    own: { ...at, provider: 'openai' },
    claude: { ...at, provider: 'anthropic' },
  };
  server = await startServer({
    env: {
      DRAGOMAN_UPSTREAMS: JSON.stringify(several),
      DRAGOMAN_UPSTREAM_MODEL: 'local/tiny',
      DRAGOMAN_UPSTREAM_RETRIES: '1',
      DRAGOMAN_UPSTREAM_STALL_MS: '1500',
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

const messages = [{ role: 'user', content: 'hi' }];

async function post(path: string, body: object) {
  const response = await fetch(`${server.url}/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

describe('a chat request', () => {
  const odd = {
    messages: [
      { role: 'developer', content: 'd', name: 'boss' },
      { role: 'user', content: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral' } }] },
      { role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }] },
      { role: 'function', name: 'old', content: '1' },
    ],
    n: 2,
    logprobs: true,
    chat_template_kwargs: { enable_thinking: false },
    tools: [{ type: 'web_search' }, { type: 'function', function: { name: 'f', parameters: {}, odd: 1 } }],
    functions: [{ name: 'old' }],
    stream_options: { include_usage: true, odd: true },
    new_field: { deep: [1, null] },
  };

  it('comes to the provider as it is, but for the name of the model and the key', async () => {
    upstream.say({ status: 200, body: {} });
    await post('chat/completions', { model: 'quick', ...odd });
    const [{ body, headers } = { body: undefined, headers: {} }] = upstream.requests;
    expect(body).toEqual({ model: 'tiny', ...odd });
    expect(headers).toMatchObject({ authorization: `Bearer ${secret}`, 'x-team': 'blue' });
    expect(JSON.stringify(headers)).not.toContain(server.key);
  });

  it('has the answer of the provider with all of its fields', async () => {
    const answer = {
      id: 'gen-1',
      object: 'chat.completion',
      provider: 'Somebody',
      system_fingerprint: 'fp',
      choices: [0, 1].map((index) => ({
        index,
        message: { role: 'assistant', content: 'ok', annotations: [{ type: 'url_citation' }], odd: { a: 1 } },
        logprobs: { content: [{ token: 'ok', logprob: -0.1, top_logprobs: [] }] },
        finish_reason: 'odd',
      })),
      usage: { prompt_tokens: 1, cost: 0.5 },
    };
    upstream.say({
      status: 200,
      body: answer,
      headers: { 'x-ratelimit-remaining-requests': '7', 'set-cookie': 'a=b' },
    });
    const { status, headers, text } = await post('chat/completions', { messages });
    expect([status, JSON.parse(text)]).toEqual([200, answer]);
    expect([headers.get('x-ratelimit-remaining-requests'), headers.get('set-cookie')]).toEqual(['7', null]);
    expect(headers.get('x-request-id')).toEqual(expect.any(String));
  });

  it('has the stream of the provider byte by byte, as it comes', async () => {
    const gate = Promise.withResolvers<void>();
    const raw = ': odd comment\n\ndata: {"odd":[1],"choices":[{"index":0,"delta":{"odd":"ü"}}]}\n\n';
    upstream.say([{ text: 'a' }, { raw }, { until: gate.promise }, { text: 'b' }]);
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ messages, stream: true }),
    });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      // What came before the gate is here although the rest cannot have been written yet.
      if (text.includes(raw)) gate.resolve();
    }
    expect(text.match(/"id":"chatcmpl-scripted"/g)!.length).toBeGreaterThan(3);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('has the refusal of the provider, with its status', async () => {
    const error = { message: 'too long', type: 'odd', param: 'messages', code: 'context_length_exceeded', odd: 1 };
    for (const stream of [false, true])
      for (const status of [400, 404, 422]) {
        upstream.say({ status, body: { error } });
        const answer = await post('chat/completions', { messages, stream });
        expect([answer.status, JSON.parse(answer.text)]).toEqual([status, { error }]);
      }
    upstream.always({ status: 429, body: { error }, headers: { 'retry-after': '60', 'retry-after-ms': '60000' } });
    const attempt = client.chat.completions.create({ model: 'quick', messages: [{ role: 'user', content: 'x' }] });
    await expect(attempt).rejects.toThrow(OpenAI.RateLimitError);
    const { headers } = await post('chat/completions', { messages });
    expect([headers.get('retry-after'), headers.get('retry-after-ms')]).toEqual(['60', '60000']);
  });

  it.each([
    [{ detail: 'Not enough' }, 'Not enough'],
    [{ detail: [{ loc: ['body'], msg: 'field required' }] }, 'field required'],
    [{ object: 'error', message: 'no such thing', code: 404 }, 'no such thing'],
    [{ error: 'plain' }, 'plain'],
    ['<html>bad</html>', '<html>bad</html>'],
    [{}, 'The model provider answered 400.'],
  ])('has a refusal with a sentence, wherever the provider put it: %j', async (body, message) => {
    upstream.say({ status: 400, body });
    const { text } = await post('chat/completions', { messages });
    expect(JSON.parse(text)).toEqual({
      error: { message, type: 'invalid_request_error', param: null, code: null },
    });
  });

  it('is not drowned by a refusal without end', async () => {
    for (const body of ['x'.repeat(5_000_000), { error: { message: 'x'.repeat(5_000_000) } }]) {
      upstream.say({ status: 400, body });
      const { status, text } = await post('chat/completions', { messages });
      expect(status).toBe(400);
      expect(text.length).toBeLessThan(10_000);
    }
  });

  it('never has the key of the service, nor what is said of it', async () => {
    const body = { error: { message: `Incorrect key ${secret}`, type: 'x', hint: { header: `Bearer ${secret}` } } };
    for (const status of [400, 401, 403, 500]) {
      upstream.always({ status, body });
      const answer = await post('chat/completions', { messages });
      expect(answer.status).toBe(status === 401 || status === 403 ? 502 : status);
      expect(answer.text).not.toContain('0123456789');
    }
  });

  it('is asked again while nothing came, and not afterwards', async () => {
    upstream.say({ status: 503 }, [{ text: 'ok' }]);
    expect((await post('chat/completions', { messages })).status).toBe(200);
    expect(upstream.requests.length).toBe(2);
    upstream.reset();
    upstream.say([{ text: 'ok' }, { wait: 50 }, { drop: true }], [{ text: 'again' }]);
    const { text } = await post('chat/completions', { messages, stream: true });
    expect(text).toContain('"content":"ok"');
    expect(JSON.parse(text.split('data: ').at(-1)!)).toMatchObject({ error: { type: 'server_error' } });
    expect(upstream.requests.length).toBe(1);
  });

  it('ends with an error when the model falls silent', async () => {
    upstream.say([{ text: 'well' }, { until: new Promise(() => {}) }]);
    const { text } = await post('chat/completions', { messages, stream: true });
    expect(JSON.parse(text.split('data: ').at(-1)!).error.message).toContain('fell silent');
    await upstream.requests[0]!.abandoned;
  });

  it('ends at the provider when the client leaves', async () => {
    for (const stream of [false, true]) {
      upstream.reset();
      upstream.say([{ text: 'well' }, { until: new Promise(() => {}) }]);
      const controller = new AbortController();
      const body = JSON.stringify({ messages, stream });
      const headers = { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' };
      const leaving = fetch(`${server.url}/v1/chat/completions`, {
        method: 'POST',
        headers,
        body,
        signal: controller.signal,
      });
      while (upstream.requests.length === 0) await sleep(10);
      await sleep(100);
      controller.abort();
      await leaving.catch(() => {});
      await upstream.requests[0]!.abandoned;
    }
  });

  it('is translated for models that their provider has elsewhere', async () => {
    const nowhere = { status: 404, body: { error: { message: 'This is not a chat model', code: null } } };
    for (const stream of [false, true]) {
      upstream.say(nowhere, [{ text: 'hello' }]);
      expect((await post('chat/completions', { model: 'own/pro', messages, stream })).text).toContain('hello');
    }
    expect(upstream.requests.map(({ protocol }) => protocol)).toEqual(['chat', 'responses', 'chat', 'responses']);
    upstream.say(nowhere, { status: 404, body: { error: { message: 'no such model' } } });
    const { status, text } = await post('chat/completions', { model: 'own/none', messages });
    expect([status, JSON.parse(text).error.code]).toEqual([404, 'model_not_found']);
  });

  it('is translated where the provider speaks otherwise, or cannot stream', async () => {
    for (const model of ['claude/sonnet', 'slow/tiny']) {
      upstream.say([{ text: 'hello' }]);
      const chunks = client.chat.completions.stream({ model, messages: [{ role: 'user', content: 'x' }] });
      expect((await chunks.finalMessage()).content).toBe('hello');
    }
    expect(upstream.requests.map(({ protocol }) => protocol)).toEqual(['anthropic', 'chat']);
  });
});

describe('a request of responses that keeps nothing', () => {
  it('goes to a provider that has them as it is, with tools of its own', async () => {
    const body = {
      input: [
        { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAA' },
        { role: 'user', content: 'hi' },
      ],
      store: false,
      include: ['reasoning.encrypted_content'],
      tools: [{ type: 'web_search' }],
      odd: 1,
    };
    upstream.say({
      status: 200,
      body: { id: 'resp_theirs', object: 'response', output: [{ type: 'web_search_call' }] },
    });
    const { text } = await post('responses', { ...body, model: 'own/gpt' });
    expect(upstream.requests).toMatchObject([{ protocol: 'responses', body: { ...body, model: 'gpt' } }]);
    expect(JSON.parse(text)).toMatchObject({ id: 'resp_theirs', output: [{ type: 'web_search_call' }] });
    upstream.say([{ text: ['a', 'b'] }]);
    const stream = client.responses.stream({ model: 'own/gpt', input: 'hi', store: false });
    expect((await stream.finalResponse()).output_text).toBe('ab');
  });

  it.each([
    ['has code', { model: 'own/gpt', tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] }],
    ['is kept', { model: 'own/gpt', store: true }],
    [
      'names a file',
      { model: 'own/gpt', input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file-x' }] }] },
    ],
    ['is for another provider', { model: 'local/tiny' }],
  ])('does not when it %s', async (_, fields) => {
    upstream.say([{ text: 'hello' }]);
    const { text } = await post('responses', { input: 'hi', store: false, ...fields });
    const { id, error } = JSON.parse(text);
    if (error) expect(error.message).toContain('No such File object');
    else expect(id).toMatch(/^resp_[\w-]{21}$/);
  });
});
