import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts';

const secret = 'sk-operators-0123456789';
const callers = 'sk-callers-9876543210';
let upstream: ScriptedUpstream;
let server: TestServer;
beforeAll(async () => {
  upstream = await startUpstream({ models: ['tiny'] });
  const several = {
    local: { provider: 'openai-compatible', base_url: upstream.baseUrl, api_key: secret, aliases: { quick: 'tiny' } },
    claude: {
      provider: 'anthropic',
      base_url: upstream.baseUrl,
      api_key_env: 'KEY_OF_CLAUDE',
      models: ['claude-test'],
    },
  };
  server = await startServer({
    env: {
      DRAGOMAN_UPSTREAMS: JSON.stringify(several),
      KEY_OF_CLAUDE: secret,
      DRAGOMAN_UPSTREAM_MODEL: 'claude/claude-test',
      DRAGOMAN_UPSTREAM_PASSTHROUGH: 'true',
      DRAGOMAN_UPSTREAM_RETRIES: '0',
      DRAGOMAN_LOG_LEVEL: 'debug',
    },
  });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});
beforeEach(() => upstream.reset());

async function ask(at: TestServer, path: string, body?: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${at.url}/v1/${path}`, {
    headers: { authorization: `Bearer ${at.key}`, 'content-type': 'application/json', ...headers },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, text, json: JSON.parse(text) };
}

const chat = (model: string | undefined, headers?: Record<string, string>) =>
  ask(server, 'chat/completions', { model, messages: [{ role: 'user', content: 'hi' }] }, headers);

describe('models of several providers', () => {
  it('are listed, by prefix and by alias', async () => {
    const { json } = await ask(server, 'models');
    expect(json.data.map(({ id }: { id: string }) => id).sort()).toEqual(['claude/claude-test', 'local/tiny', 'quick']);
  });

  it.each([
    [undefined, 'anthropic', 'claude-test'],
    ['claude-test', 'anthropic', 'claude-test'],
    ['quick', 'chat', 'tiny'],
    ['local/anything', 'chat', 'anything'],
  ])('answer to %s', async (asked, protocol, model) => {
    upstream.say([{ text: 'hello' }]);
    const { json } = await chat(asked);
    expect(json.choices[0].message.content).toBe('hello');
    expect(upstream.requests).toMatchObject([{ protocol, body: { model } }]);
  });

  it('are told apart from those that there are not', async () => {
    expect(await chat('claude/other')).toMatchObject({
      status: 404,
      json: { error: { code: 'model_not_found', param: 'model' } },
    });
  });
});

describe('keys', () => {
  const sent = () => JSON.stringify(upstream.requests.map(({ headers }) => headers));

  it("are the operator's, and a caller's own where it sends one", async () => {
    upstream.always([{ text: 'hello' }]);
    await chat('quick');
    expect(sent()).toContain(secret);
    upstream.reset();
    upstream.always([{ text: 'hello' }]);
    await chat('quick', { 'x-upstream-api-key': callers });
    await ask(server, 'responses', { model: 'quick', input: 'hi' }, { 'x-upstream-api-key': callers });
    expect(upstream.requests).toHaveLength(2);
    expect(sent()).not.toContain(secret);
    expect(sent()).toContain(callers);
    expect(sent()).not.toContain(server.key);
  });

  it('are neither told nor logged, also when a provider repeats them', async () => {
    const body = { error: { message: `Incorrect API key provided: ${secret} or ${callers}` } };
    for (const status of [400, 401, 429, 500]) {
      upstream.always({ status, body });
      const answers = [await chat('quick'), await chat('quick', { 'x-upstream-api-key': callers })];
      for (const { status, text } of answers) {
        expect(status).toBeGreaterThanOrEqual(400);
        expect(text).not.toMatch(/0123456789|9876543210/);
      }
    }
    expect(server.output()).toContain('a model failed');
    expect(server.output()).not.toMatch(/0123456789|9876543210/);
  });
});

it('a server without models says which setting it lacks, and is not asked again', async () => {
  const bare = await startServer();
  try {
    for (const [path, body] of [
      ['responses', { input: 'hi' }],
      ['chat/completions', { model: 'm', messages: [{ role: 'user', content: 'hi' }] }],
    ] as const) {
      const { status, json } = await ask(bare, path, body);
      expect([status, json.error.type]).toEqual([400, 'invalid_request_error']);
      expect(json.error.message).toContain('DRAGOMAN_UPSTREAM_PROVIDER');
    }
    expect((await ask(bare, 'models')).json.data).toEqual([]);
  } finally {
    await bare.stop();
  }
});
