import { describe, expect, it } from 'vitest';
import { keys, sandboxServer } from '../../../test/support/sandbox-server.ts';

const ann = { 'x-api-key': keys.ann };
const usual = { templateID: 'code-interpreter-v1' };

async function made(settings: object = {}, headers: Record<string, string> = {}) {
  const server = await sandboxServer();
  const { json } = await server.call('POST', '/v2/sandboxes', { ...ann, ...headers }, { ...usual, ...settings });
  const inside = {
    'e2b-sandbox-id': json.sandboxID,
    'e2b-sandbox-port': '49999',
    'x-access-token': json.envdAccessToken,
  };
  return { ...server, sandbox: json, inside };
}

describe('a sandbox of E2B', () => {
  it('always tells a domain, and never its vendor’s', async () => {
    const { base, sandbox } = await made();
    expect(sandbox.domain).toBe(`localhost:${new URL(base).port}`);
    expect(sandbox.sandboxID).toMatch(/^[a-z0-9]{25}$/);
    expect(sandbox.envdAccessToken).not.toBe(sandbox.trafficAccessToken);
  });

  it.each([
    [{ autoPause: true }, 400],
    [{ volumeMounts: [{ name: 'v', path: '/v' }] }, 400],
    [{ mcp: { browserbase: {} } }, 400],
    [{ network: { allowOut: ['1.1.1.1'] } }, 400],
    [{ templateID: 'mine' }, 404],
    [{ timeout: -1 }, 400],
    [{ metadata: { a: 5 } }, 400],
  ])('is refused with %j', async (settings, status) => {
    const { call } = await made();
    const refused = await call('POST', '/v2/sandboxes', ann, { ...usual, ...settings });
    expect(refused).toMatchObject({ status, json: { code: status, message: expect.any(String) } });
  });

  it('is made with what changes nothing', async () => {
    const settings = {
      allow_internet_access: true,
      secure: true,
      network: { denyOut: ['0.0.0.0/0'] },
      metadata: {},
      envVars: {},
    };
    expect((await made(settings)).sandbox.sandboxID).toBeDefined();
  });

  it('ends at its time, which connecting only prolongs and a timeout moves both ways', async () => {
    const { service, call, sandbox, inside } = await made({ timeout: 100 });
    const at = `/sandboxes/${sandbox.sandboxID}`;
    const left = async () => (Date.parse((await call('GET', at, ann)).json.endAt) - service.now) / 1000;
    expect(await left()).toBe(100);
    await call('POST', `/v2${at}/connect`, ann, { timeout: 10 });
    expect(await left()).toBe(100);
    await call('POST', `${at}/connect`, ann, { timeout: 200 });
    expect(await left()).toBe(200);
    await call('POST', `${at}/timeout`, ann, { timeout: 5 });
    expect(await left()).toBe(5);
    service.now += 5000;
    expect(await call('GET', at, ann)).toMatchObject({ status: 404, json: { code: 404 } });
    const gone = { sandboxId: sandbox.sandboxID, message: 'The sandbox was not found', code: 502 };
    for (const [method, path, body] of [
      ['GET', '/health'],
      ['POST', '/execute', { code: '1' }],
      ['GET', '/contexts'],
    ] as const)
      expect(await call(method, path, inside, body), path).toMatchObject({ status: 502, json: gone });
  });

  it('is listed by pages, metadata and state', async () => {
    const { call, sandbox } = await made({ metadata: { 'a b': 'c=d' } });
    await call('POST', '/v2/sandboxes', ann, usual);
    const ids = async (query: string) => {
      const { json, headers } = await call('GET', `/v2/sandboxes${query}`, ann);
      return [json.map(({ sandboxID }: { sandboxID: string }) => sandboxID), headers.get('x-next-token')];
    };
    expect(await ids(`?metadata=${encodeURIComponent('a%20b=c%253Dd')}`)).toEqual([[sandbox.sandboxID], null]);
    const [[latest], next] = await ids('?limit=1');
    expect(next).toBe(latest);
    expect(await ids(`?limit=1&nextToken=${next}`)).toEqual([[sandbox.sandboxID], null]);
    await call('POST', `/sandboxes/${sandbox.sandboxID}/pause`, ann, { memory: false });
    expect(await ids('?state=paused')).toEqual([[sandbox.sandboxID], null]);
    expect((await call('POST', `/sandboxes/${sandbox.sandboxID}/pause`, ann, {})).status).toBe(409);
    expect((await call('POST', `/sandboxes/${sandbox.sandboxID}/resume`, ann, { timeout: 9 })).status).toBe(201);
    expect((await call('POST', `/sandboxes/${sandbox.sandboxID}/resume`, ann, {})).status).toBe(409);
  });
});

describe('code of E2B', () => {
  it('is told in lines of ASCII, none of them empty', async () => {
    const { jobs, call, inside } = await made({ envVars: { A: '1', B: '1' } });
    jobs.steps = (job) => {
      job.print('é😀\n');
      job.tell({ type: 'result', bundle: { 'text/plain': "'x'" } });
      job.finish();
    };
    const { text, headers } = await call('POST', '/execute', inside, {
      code: 'x',
      context_id: null,
      env_vars: { B: '2' },
    });
    expect(headers.get('content-type')).toBe('application/x-ndjson');
    expect(text).toMatch(/^[\x20-\x7e\n]+$/);
    expect(text.endsWith('\n')).toBe(true);
    const lines = text
      .slice(0, -1)
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual([
      { type: 'number_of_executions', execution_count: 1 },
      { type: 'stdout', text: 'é😀\n', timestamp: expect.any(String) },
      { type: 'result', is_main_result: true, text: 'x' },
      { type: 'end_of_execution' },
    ]);
    expect(jobs.latest().scripted.job.env).toEqual({ A: '1', B: '2' });
  });

  it('is refused in plain text', async () => {
    const { call, inside } = await made();
    for (const [body, status, words] of [
      [{ code: '1', context_id: 'nope' }, 404, 'Context nope not found'],
      [
        { code: '1', context_id: 'python', language: 'python' },
        400,
        'Only one of context_id or language can be provided',
      ],
      [{ code: '1', language: 'cobol' }, 400, 'language'],
    ] as const) {
      const refused = await call('POST', '/execute', inside, body);
      expect([refused.status, refused.headers.get('content-type')]).toEqual([status, 'text/plain; charset=utf-8']);
      expect(refused.text).toContain(words);
    }
    expect((await call('POST', '/contexts', inside, { language: 'php' })).status).toBe(501);
  });

  it('of either token, but contexts too', async () => {
    const { call, sandbox, inside } = await made();
    const traffic = { ...inside, 'x-access-token': '', 'e2b-traffic-access-token': sandbox.trafficAccessToken };
    expect((await call('GET', '/contexts', traffic)).json.map(({ id }: { id: string }) => id)).toEqual([
      'python',
      'javascript',
    ]);
    for (const path of ['/contexts/python/restart', '/contexts/javascript/restart']) {
      const answer = await fetch((await made()).base + path, { method: 'POST' });
      expect(answer.status, path).toBe(404);
      expect(await call('POST', path, traffic)).toMatchObject({ status: 200, text: 'null' });
    }
  });
});
