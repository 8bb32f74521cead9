import { describe, expect, it } from 'vitest';
import { keys, sandboxServer } from '../../../test/support/sandbox-server.ts';

const own = (key: string) => ({ 'OPEN-SANDBOX-API-KEY': key });
const ann = own(keys.ann);
const usual = { image: { uri: 'opensandbox/code-interpreter:v1.1.0' }, timeout: 300 };

/** The data of each event. */
const eventsIn = (text: string) =>
  text
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: '))
    .map((frame) => JSON.parse(frame.slice('data: '.length)));

async function made(settings: object = {}) {
  const server = await sandboxServer();
  const { json } = await server.call('POST', '/v1/sandboxes', ann, { ...usual, ...settings });
  const { json: endpoint } = await server.call('GET', `/v1/sandboxes/${json.id}/endpoints/44772`, ann);
  const path = new URL(`http://${endpoint.endpoint}`).pathname;
  return { ...server, sandbox: json, path, token: endpoint.headers as Record<string, string> };
}

describe('a sandbox of OpenSandbox', () => {
  it('runs from the answer that makes it, and ends at its moment however it is used', async () => {
    const { service, call, sandbox, path, token } = await made();
    expect(sandbox).toMatchObject({ status: { state: 'Running' }, entrypoint: [], metadata: {} });
    expect(Date.parse(sandbox.expiresAt) - Date.parse(sandbox.createdAt)).toBe(300_000);
    service.now += 299_000;
    expect((await call('GET', `${path}/ping`, token)).status).toBe(200);
    expect((await call('POST', `${path}/code`, token, { code: '' })).status).toBe(200);
    service.now += 1_000;
    const gone = { status: 404, json: { code: 'SANDBOX_NOT_FOUND' } };
    expect(await call('GET', `/v1/sandboxes/${sandbox.id}`, ann)).toMatchObject(gone);
    expect(await call('GET', `${path}/ping`, token)).toMatchObject(gone);
    expect(await call('POST', `${path}/code`, token, { code: '' })).toMatchObject(gone);
    expect((await call('GET', '/v1/sandboxes', ann)).json.items).toEqual([]);
  });

  it('is found with and without /v1, below its own prefix, and by no other key', async () => {
    const { call, sandbox } = await made();
    for (const base of ['/v1', '', '/opensandbox', '/opensandbox/v1'])
      expect((await call('GET', `${base}/sandboxes/${sandbox.id}`, ann)).status, base).toBe(200);
    for (const [method, tail] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/endpoints/44772'],
      ['GET', '/execd/ping'],
      ['GET', '/execd/metrics'],
    ] as const)
      expect((await call(method, `/v1/sandboxes/${sandbox.id}${tail}`, own(keys.bob))).status, tail).toBe(404);
    expect((await call('GET', '/v1/sandboxes', own(keys.bob))).json.items).toEqual([]);
    expect((await call('DELETE', `/v1/sandboxes/${sandbox.id}`, ann)).status).toBe(204);
  });

  it('tells a missing key from a wrong one', async () => {
    const { call } = await made();
    expect(await call('GET', '/v1/sandboxes', {})).toMatchObject({ status: 401, json: { code: 'MISSING_API_KEY' } });
    expect(await call('GET', '/v1/sandboxes', own('x'))).toMatchObject({
      status: 401,
      json: { code: 'INVALID_API_KEY' },
    });
  });

  it.each([
    [{ volumes: [{ name: 'v' }] }, 'volumes'],
    [{ snapshotId: 's' }, 'snapshotId'],
    [{ credentialProxy: { enabled: true } }, 'credentialProxy'],
    [{ platform: { os: 'windows' } }, 'platform'],
    [{ networkPolicy: { defaultAction: 'allow' } }, 'networkPolicy'],
    [{ networkPolicy: { defaultAction: 'deny', egress: [{ action: 'allow', target: 'x' }] } }, 'networkPolicy'],
    [{ image: { uri: 'nginx:latest' } }, 'image'],
    [{ timeout: 0 }, 'timeout'],
  ])('is refused with %j', async (settings, word) => {
    const { call } = await made();
    const { status, json } = await call('POST', '/v1/sandboxes', ann, { ...usual, ...settings });
    expect({ status, code: json.code }).toEqual({ status: 400, code: 'INVALID_REQUEST_BODY' });
    expect(json.message).toContain(word);
  });

  it.each(['python:3.12', 'registry.example/x/code-interpreter:v2', 'code-interpreter'])(
    'takes %s for our image',
    async (uri) => {
      const { sandbox } = await made({ image: { uri }, networkPolicy: { defaultAction: 'deny', egress: [] } });
      expect(sandbox.image).toEqual({ uri });
    },
  );

  it('is renewed both ways, described anew and listed by pages and metadata', async () => {
    const { service, call, sandbox } = await made({ metadata: { stage: 'a b=c', draft: 'yes' } });
    const at = `/v1/sandboxes/${sandbox.id}`;
    for (const seconds of [60, 6000]) {
      const expiresAt = new Date(service.now + seconds * 1000).toISOString();
      expect((await call('POST', `${at}/renew-expiration`, ann, { expiresAt })).json).toEqual({ expiresAt });
    }
    const changed = await call('PATCH', `${at}/metadata`, ann, { draft: null, more: '1' });
    expect(changed.json.metadata).toEqual({ stage: 'a b=c', more: '1' });
    await call('POST', '/v1/sandboxes', ann, usual);
    const filter = encodeURIComponent(`stage=${encodeURIComponent('a b=c')}`);
    expect(
      (await call('GET', `/v1/sandboxes?metadata=${filter}`, ann)).json.items.map(({ id }: { id: string }) => id),
    ).toEqual([sandbox.id]);
    const page = await call('GET', '/v1/sandboxes?page=2&pageSize=1&state=Running&state=Paused', ann);
    expect(page.json.pagination).toEqual({ page: 2, pageSize: 1, totalItems: 2, totalPages: 2, hasNextPage: false });
    expect((await call('GET', '/v1/sandboxes?state=Paused', ann)).json.items).toEqual([]);
  });

  it('is reached on the port of code alone', async () => {
    const { call, sandbox } = await made();
    const at = `/v1/sandboxes/${sandbox.id}/endpoints`;
    expect((await call('GET', `${at}/18080`, ann)).status).toBe(200);
    expect(await call('GET', `${at}/3000`, ann)).toMatchObject({ status: 501, json: { code: 'NOT_SUPPORTED' } });
    for (const path of ['/pause', '/resume', '/snapshots', '/egress/policy', '/execd/pty'])
      expect((await call('POST', `/v1/sandboxes/${sandbox.id}${path}`, ann, {})).status, path).toBe(501);
  });
});

describe('code of OpenSandbox', () => {
  it('is measured', async () => {
    const { service, call, path, token } = await made();
    expect((await call('GET', `${path}/metrics`, token)).json).toEqual({
      ...{ cpu_count: expect.any(Number), cpu_used_pct: 0, mem_total_mib: expect.any(Number), mem_used_mib: 0 },
      timestamp: service.now,
    });
  });

  it('tells its id, what it shows, and its end', async () => {
    const { jobs, call, path, token } = await made({ env: { A: '1' } });
    jobs.steps = (job) => {
      job.print('out é\n');
      job.print('err\n', 'stderr');
      job.tell({ type: 'result', bundle: { 'text/plain': '42', 'image/png': 'AAAA' } });
      job.finish();
    };
    const { text } = await call('POST', `${path}/code`, token, { code: 'x', context: { language: 'python' } });
    const events = eventsIn(text);
    expect(events.map(({ type }) => type)).toEqual([
      ...['init', 'execution_count', 'stdout', 'stderr', 'result', 'execution_complete'],
    ]);
    expect(events.every(({ timestamp }) => Number.isInteger(timestamp))).toBe(true);
    expect(events[1].execution_count).toBe(1);
    expect(events[2].text).toBe('out é\n');
    expect(events[4].results).toEqual({ text: '42', 'image/png': 'AAAA' });
    expect(jobs.latest().scripted.job.env).toEqual({ A: '1' });
    expect(eventsIn((await call('POST', `${path}/code`, token, { code: 'x' })).text)[1].execution_count).toBe(2);
  });

  it('ends with its error, whose traceback is not printed as well', async () => {
    const { jobs, call, path, token } = await made();
    const traceback = ['Traceback (most recent call last):', 'ValueError: no'];
    jobs.steps = (job) => {
      job.print(`own\n${traceback.join('\n')}\n`, 'stderr');
      job.tell({ type: 'error', error: { name: 'ValueError', value: 'no', traceback } });
      job.finish({ exitCode: 1 });
    };
    const events = eventsIn((await call('POST', `${path}/code`, token, { code: 'x' })).text).slice(2);
    expect(events.map(({ timestamp, ...rest }) => rest)).toEqual([
      { type: 'stderr', text: 'own\n' },
      { type: 'error', error: { ename: 'ValueError', evalue: 'no', traceback } },
    ]);
  });

  it('is told when the longest time was reached', async () => {
    const { jobs, call, path, token } = await made();
    jobs.steps = (job) => job.finish({ outcome: 'timed_out', exitCode: null, signal: 'SIGINT' });
    const events = eventsIn((await call('POST', `${path}/code`, token, { code: 'x' })).text);
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { ename: 'TimeoutError' } });
    expect(jobs.latest().scripted.job.limits.wallMs).toBe(60_000);
  });

  it('has contexts with variables of their own', async () => {
    const { jobs, call, path, token } = await made();
    const { json: context } = await call('POST', `${path}/code/context`, token, {
      language: 'python',
      cwd: '/home/user/sub',
    });
    expect(context).toEqual({ id: expect.any(String), language: 'python' });
    await call('POST', `${path}/code`, token, { code: 'x', context: { id: context.id, language: 'python' } });
    expect(jobs.latest().scripted.job.session?.kernel).toEqual({ id: context.id, directory: 'sub' });
    await call('POST', `${path}/code`, token, { code: 'x' });
    expect((await call('GET', `${path}/code/contexts?language=python`, token)).json).toEqual([
      { id: 'python', language: 'python' },
      context,
    ]);
    expect((await call('DELETE', `${path}/code/contexts/${context.id}`, token)).status).toBe(200);
    for (const [method, tail, body] of [
      ['GET', `/contexts/${context.id}`, undefined],
      ['POST', '', { code: 'x', context: { id: context.id } }],
    ] as const)
      expect(await call(method, `${path}/code${tail}`, token, body)).toMatchObject({
        status: 404,
        json: { code: 'CONTEXT_NOT_FOUND' },
      });
    const refused = await call('POST', `${path}/code`, token, { code: 'x', context: { language: 'cobol' } });
    expect(refused).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST_BODY' } });
  });

  it('is opened by the token of its own sandbox alone', async () => {
    const { call, path, token, sandbox } = await made();
    const { json: other } = await call('POST', '/v1/sandboxes', ann, usual);
    const elsewhere = path.replace(sandbox.id, other.id);
    expect((await call('GET', `${elsewhere}/ping`, token)).status).toBe(401);
    expect((await call('GET', `/v1/sandboxes/${sandbox.id}`, token)).status).toBe(401);
    expect((await call('GET', `${path}/../../${other.id}/execd/ping`, token)).status).not.toBe(200);
    expect((await call('GET', `${path}/ping`, { 'X-EXECD-ACCESS-TOKEN': '' })).status).toBe(401);
    expect((await call('GET', `${path}/ping`, {})).status).toBe(401);
  });
});
