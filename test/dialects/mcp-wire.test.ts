import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { legacyMcp, type McpMessage, modernMcp, sendMcp } from '../support/mcp.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** What is on the wire, message by message, status by status. */
let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    env: { DRAGOMAN_RATE_LIMITS: 'off', DRAGOMAN_ALLOWED_ORIGINS: 'https://chat.example.org' },
  });
});
afterAll(() => server?.stop());

/** A message without what differs from run to run. */
const masked = (message: McpMessage): unknown =>
  JSON.parse(
    JSON.stringify(message)
      .replace(/"usage":\{[^}]*\}/g, '"usage":{}')
      .replace(/(\\?"(?:session_id|run_id)\\?":\\?"|session_id |sessions\/)[\w-]{21}/g, '$1ID')
      .replace(/"version":"\d+\.\d+\.\d+"/g, '"version":"V"'),
  );

const run = (links: object[] = [], text = '42\n[session_id ID]') => ({ content: [{ type: 'text', text }, ...links] });

const runMeta = (more: object) => ({
  'dragoman/run': {
    session_id: 'ID',
    run_id: 'ID',
    status: 'done',
    outcome: 'completed',
    exit_code: 0,
    error: null,
    stdout: '42\n',
    stderr: '',
    truncated: false,
    state: 'continued',
    files: [],
    usage: {},
    ...more,
  },
});

const call = (id: number, code: string) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'run_code', arguments: { code } },
});

describe('the older revisions', () => {
  it.each([['2025-11-25'], ['2025-06-18'], ['2025-03-26']])('%s: a whole conversation', async (version) => {
    const opened = await sendMcp(server, {
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: version, capabilities: { roots: {} }, clientInfo: { name: 'test', version: '1' } },
    });
    expect(opened.status).toBe(200);
    expect(opened.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(opened.messages.map(masked)).toEqual([
      {
        jsonrpc: '2.0',
        id: 0,
        result: {
          protocolVersion: version,
          capabilities: { tools: {}, resources: {} },
          serverInfo: { name: 'dragoman', title: 'Dragoman', version: 'V' },
          instructions: expect.stringContaining('sandbox'),
        },
      },
    ]);
    const id = opened.headers.get('mcp-session-id')!;
    expect(Buffer.from(id, 'base64url').length).toBeGreaterThanOrEqual(16);
    const headers = { 'mcp-session-id': id, 'mcp-protocol-version': version };
    const told = await sendMcp(server, { jsonrpc: '2.0', method: 'notifications/initialized' }, headers);
    expect([told.status, told.messages, told.headers.get('content-length')]).toEqual([202, [], '0']);
    const pong = await sendMcp(server, { jsonrpc: '2.0', id: 'p', method: 'ping' }, headers);
    expect(pong.messages).toEqual([{ jsonrpc: '2.0', id: 'p', result: {} }]);
    await sendMcp(server, call(1, 'x = 42'), headers);
    const answered = await sendMcp(server, call(2, 'print(x)\nopen("a.txt", "w").close()'), headers);
    const file = {
      path: 'a.txt',
      uri: 'dragoman://sessions/ID/files/a.txt',
      size: 0,
      mime: 'text/plain',
      change: 'created',
    };
    const link = {
      type: 'resource_link',
      uri: file.uri,
      name: 'a.txt',
      mimeType: 'text/plain',
      size: 0,
      annotations: { audience: ['user'] },
    };
    expect(answered.messages.map(masked)).toEqual([
      {
        jsonrpc: '2.0',
        id: 2,
        result: {
          ...run(
            version === '2025-03-26' ? [] : [link],
            '42\n[Files written: /mnt/data/a.txt (0 bytes)]\n[session_id ID]',
          ),
          _meta: runMeta({ files: [file] }),
        },
      },
    ]);
    for (const method of ['prompts/list', 'logging/setLevel', 'server/discover', 'nothing/there']) {
      const unknown = await sendMcp(server, { jsonrpc: '2.0', id: 3, method }, headers);
      expect([unknown.status, unknown.messages]).toEqual([
        200,
        [{ jsonrpc: '2.0', id: 3, error: { code: -32601, message: 'Method not found' } }],
      ]);
    }
    const noTool = await sendMcp(server, { ...call(4, ''), params: { name: 'rm_rf', arguments: {} } }, headers);
    expect([noTool.status, noTool.messages[0]!.error?.code]).toEqual([200, -32602]);
  });

  it('answer with their newest where an unknown one is asked for', async () => {
    const client = await legacyMcp(server, {}, '2024-11-05');
    expect((await client.send('ping')).status).toBe(400);
    const { messages } = await sendMcp(server, {
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'old', version: '1' } },
    });
    expect(messages[0]!.result.protocolVersion).toBe('2025-11-25');
  });

  it.each([
    ['no session', { 'mcp-session-id': '' }, 404, -32001],
    ['an unknown session', { 'mcp-session-id': 'A'.repeat(52) }, 404, -32001],
    ['an unknown revision', { 'mcp-protocol-version': '1999-01-01' }, 400, -32000],
  ])('refuse %s', async (_, changed, status, code) => {
    const client = await legacyMcp(server);
    const answer = await sendMcp(server, { jsonrpc: '2.0', id: 1, method: 'ping' }, { ...client.headers, ...changed });
    expect([answer.status, answer.messages[0]!.error?.code]).toEqual([status, code]);
    const bare = await sendMcp(server, { jsonrpc: '2.0', id: 1, method: 'ping' });
    expect([bare.status, bare.messages[0]]).toMatchObject([400, { id: 1, error: { code: -32000 } }]);
  });
});

describe('the stateless revision', () => {
  const info = { 'io.modelcontextprotocol/serverInfo': { name: 'dragoman', title: 'Dragoman', version: 'V' } };

  it('a whole conversation', async () => {
    const client = modernMcp(server);
    const discovered = await client.send('server/discover');
    expect([discovered.status, discovered.headers.get('mcp-session-id')]).toEqual([200, null]);
    expect(discovered.messages.map(masked)).toEqual([
      {
        jsonrpc: '2.0',
        id: 1,
        result: {
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: {}, resources: {} },
          instructions: expect.stringContaining('sandbox'),
          resultType: 'complete',
          ttlMs: 300_000,
          cacheScope: 'private',
          _meta: info,
        },
      },
    ]);
    const called = await client.send('tools/call', { name: 'run_code', arguments: { code: 'print(42)' } });
    expect(called.headers.get('mcp-session-id')).toBeNull();
    expect(called.messages.map(masked)).toEqual([
      {
        jsonrpc: '2.0',
        id: 2,
        result: {
          ...run([], '42\n[session_id ID (new session)]'),
          resultType: 'complete',
          _meta: { ...runMeta({ state: 'fresh' }), ...info },
        },
      },
    ]);
    for (const method of ['tools/list', 'resources/list', 'resources/templates/list']) {
      const { messages } = await client.send(method);
      expect(messages[0]!.result).toMatchObject({
        resultType: 'complete',
        cacheScope: 'private',
        ttlMs: expect.any(Number),
      });
    }
  });

  it.each([['ping'], ['initialized'], ['subscriptions/listen'], ['logging/setLevel'], ['tasks/get']])(
    'has no %s',
    async (method) => {
      const { status, messages } = await modernMcp(server).send(method);
      expect([status, messages[0]!.error?.code]).toEqual([404, -32601]);
    },
  );

  it.each([
    ['a revision that is not served', { 'mcp-protocol-version': '2027-01-01' }, '2027-01-01', -32022],
    ['headers that contradict the body', { 'mcp-method': 'tools/list' }, '2026-07-28', -32020],
  ])('refuses %s', async (_, headers, version, code) => {
    const { status, messages } = await sendMcp(
      server,
      {
        jsonrpc: '2.0',
        id: 9,
        method: 'server/discover',
        params: {
          _meta: {
            'io.modelcontextprotocol/protocolVersion': version,
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      },
      { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'server/discover', ...headers },
    );
    expect([status, messages[0]]).toMatchObject([400, { id: 9, error: { code } }]);
    if (code === -32022)
      expect(messages[0]!.error!.data).toEqual({ supported: ['2026-07-28'], requested: '2027-01-01' });
  });

  it('takes notifications', async () => {
    expect((await modernMcp(server).notify('notifications/cancelled', { requestId: 1 })).status).toBe(202);
  });
});

describe('the transport', () => {
  it.each([
    ['{"jsonrpc"', 400, -32700],
    ['[]', 400, -32600],
    ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 400, -32600],
    ['"text"', 400, -32600],
    ['', 400, -32600],
  ])('refuses the body %j', async (body, status, code) => {
    const answer = await sendMcp(server, body);
    expect([answer.status, answer.messages[0]]).toMatchObject([status, { jsonrpc: '2.0', id: null, error: { code } }]);
  });

  it('takes no other type of body', async () => {
    const answer = await sendMcp(server, '{}', { 'content-type': 'text/plain' });
    expect([answer.status, answer.messages[0]]).toMatchObject([
      415,
      { id: null, error: { code: -32600, message: expect.stringContaining('application/json') } },
    ]);
  });

  it.each([['tools/list'], ['resources/list'], ['resources/templates/list']])(
    '%s refuses a cursor it never gave',
    async (method) => {
      for (const client of [await legacyMcp(server), modernMcp(server)]) {
        for (const cursor of ['zz', 7])
          expect((await client.send(method, { cursor })).messages[0]!.error?.code).toBe(-32602);
        expect((await client.send(method, { cursor: '' })).messages[0]!.error).toBeUndefined();
      }
    },
  );

  it('has no stream to listen to', async () => {
    const response = await fetch(`${server.url}/mcp`, {
      headers: { 'x-api-key': server.key, accept: 'text/event-stream' },
    });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, DELETE']);
  });

  it('is also below /v1 and behind a key in the address', async () => {
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18' },
    });
    const headers = { 'content-type': 'application/json' };
    for (const [path, key] of [
      ['/v1/mcp', server.key],
      [`/k/${server.key}/mcp`, ''],
    ]) {
      const response = await fetch(server.url + path, {
        method: 'POST',
        body,
        headers: { ...headers, ...(key ? { authorization: `Bearer ${key}` } : {}) },
      });
      expect(response.status).toBe(200);
    }
  });

  it('asks for a key, and knows no OAuth', async () => {
    const response = await fetch(`${server.url}/mcp`, { method: 'POST' });
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Bearer/),
    ]);
    expect(await response.json()).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32000 } });
    for (const path of ['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp'])
      expect((await fetch(server.url + path)).status).toBe(404);
  });

  it.each([
    ['https://evil.example', 403],
    ['null', 403],
    ['http://127.0.0.1.evil.example', 403],
    ['https://chat.example.org.evil.example', 403],
    ['https://chat.example.org', 400],
    ['http://localhost:3000', 400],
    ['http://127.0.0.1:6274', 400],
  ])('lets pages of %s do what they may', async (origin, status) => {
    for (const method of ['POST', 'GET', 'DELETE', 'OPTIONS']) {
      const response = await fetch(`${server.url}/mcp`, { method, headers: { 'x-api-key': server.key, origin } });
      const usual = { POST: status, GET: 405, DELETE: status, OPTIONS: 204 }[method];
      expect([method, response.status]).toEqual([method, status === 403 ? 403 : usual]);
      expect(response.headers.get('access-control-allow-origin')).toBe(status === 403 ? null : origin);
    }
  });

  it('tells a browser before it asks, without a key', async () => {
    const response = await fetch(`${server.url}/mcp`, {
      method: 'OPTIONS',
      headers: { origin: 'https://chat.example.org', 'access-control-request-method': 'POST' },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-headers')).toContain('mcp-session-id');
  });
});

it('the definitions of all tools are small and plain', async () => {
  const { result } = (await modernMcp(server).send('tools/list')).messages[0]!;
  expect(JSON.stringify(result).length).toBeLessThan(10_000);
  for (const { name, description, inputSchema, outputSchema } of result.tools) {
    expect(name).toMatch(/^[a-z_]{1,40}$/);
    expect(description.length).toBeGreaterThan(20);
    expect(inputSchema.type).toBe('object');
    expect(Object.keys(inputSchema).filter((key) => ['anyOf', 'oneOf', 'allOf', '$ref'].includes(key))).toEqual([]);
    for (const property of Object.values(inputSchema.properties))
      expect(property).toMatchObject({ type: expect.any(String), description: expect.any(String) });
    expect(outputSchema === undefined).toBe(name !== 'list_files');
  }
  expect(result.tools[0].description).toContain('python');
});
