import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exec } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { tierOptions } from '../support/tier.ts';
import { attacking } from './attack.ts';

const plans = {
  untrusted: { isolation: 'gvisor' },
  rare: { rate_limits: 'upload=1/1h' },
  either: { isolation_choices: 'gvisor' },
};
const keys = { tenant: 'untrusted', rival: { plan: 'rare', isolation: 'gvisor' }, chooser: 'either' };

/** What a program meets: gVisor's kernel says a name of its own. */
const kernel = 'import platform\nprint(platform.release(), open("/proc/version").read())';
const isGvisor = /gvisor|4\.4\.0|4\.19\.0/i;

/** One service with two boundaries at once: real sandboxes of both, for keys of different plans. */
describe('isolation by plan', attacking('tiers'), () => {
  let directory: string;
  let server: TestServer;
  const as = (key: string) => ({ url: server.url, key: `${key}-secret` });

  async function call(key: string, method: string, path: string, body?: unknown) {
    const response = await fetch(`${server.url}/v1${path}`, {
      method,
      headers: { 'x-api-key': `${key}-secret`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: an answer of any route
    return { status: response.status, json: (await response.json()) as any };
  }

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'dragoman-tiers-'));
    const { tierDir, runsc } = await tierOptions('gvisor');
    const path = join(directory, 'plans.json');
    writeFileSync(path, JSON.stringify({ plans, keys }));
    const names = ['own', ...Object.keys(keys)];
    server = await startServer({
      env: {
        DRAGOMAN_PLANS: path,
        DRAGOMAN_API_KEYS: names.map((name) => `${name}:${name}-secret`).join(','),
        DRAGOMAN_ADMIN_KEYS: 'own',
        DRAGOMAN_RUNSC: runsc ?? join(tierDir, 'runsc'),
        DRAGOMAN_CONCURRENCY: '8',
      },
    });
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('puts each key behind what its plan says, at the same time', async () => {
    const [own, tenant] = await Promise.all([
      exec(as('own'), { lang: 'py', code: kernel }),
      exec(as('tenant'), { lang: 'py', code: kernel }),
    ]);
    expect(tenant.stdout).toMatch(isGvisor);
    expect([own, tenant].map(({ headers }) => headers.get('x-dragoman-isolation'))).toEqual(['namespaces', 'gvisor']);
    expect(own.stdout).not.toMatch(isGvisor);
    const told = await call('tenant', 'POST', '/executions', { language: 'python', code: kernel });
    expect(told.json).toMatchObject({ outcome: 'completed', isolation: 'gvisor' });
    expect((await call('own', 'POST', '/executions', { language: 'python', code: '1' })).json).toMatchObject({
      isolation: 'namespaces',
    });
  });

  it('keeps it for a session, its commands, its fork and what is compiled', async () => {
    const made = await call('tenant', 'POST', '/sessions', {});
    expect(made.json).toMatchObject({ isolation: 'gvisor' });
    const at = `/sessions/${made.json.id}`;
    const cell = await call('tenant', 'POST', `${at}/executions`, { language: 'python', code: kernel });
    expect(cell.json).toMatchObject({
      outcome: 'completed',
      isolation: 'gvisor',
      stdout: expect.stringMatching(isGvisor),
    });
    const fork = await call('tenant', 'POST', `${at}/fork`, {});
    expect(fork.json).toMatchObject({ isolation: 'gvisor' });
    const again = await call('tenant', 'POST', `/sessions/${fork.json.id}/executions`, {
      language: 'python',
      code: kernel,
    });
    expect(again.json.stdout).toMatch(isGvisor);
    const c =
      '#include <stdio.h>\nint main(void) { char v[200]; fgets(v, 200, fopen("/proc/version", "r")); puts(v); }';
    expect((await call('tenant', 'POST', '/executions', { language: 'c', code: c })).json.stdout).toMatch(isGvisor);
    expect((await call('own', 'POST', '/executions', { language: 'c', code: c })).json.stdout).not.toMatch(isGvisor);
  });

  it('is what a key of its own says as well, with the rates of its plan', async () => {
    expect((await exec(as('rival'), { lang: 'py', code: kernel })).stdout).toMatch(isGvisor);
    const upload = () => fetch(`${server.url}/v1/files`, { method: 'POST', headers: { 'x-api-key': 'rival-secret' } });
    expect([(await upload()).status === 429, (await upload()).status === 429]).toEqual([false, true]);
  });

  it('is told to callers and to operators', async () => {
    const { json } = await call('own', 'GET', '/languages');
    expect(json.isolations).toEqual([
      { name: 'namespaces', fault: null },
      { name: 'gvisor', fault: null },
    ]);
    const overview = (await call('own', 'GET', '/admin/overview')).json;
    expect(overview.isolations.map(({ name }: { name: string }) => name)).toEqual(['namespaces', 'gvisor']);
    const metrics = await (await fetch(`${server.url}/metrics`, { headers: { 'x-api-key': 'own-secret' } })).text();
    expect(metrics).toMatch(/dragoman_sandboxes_live\{isolation="namespaces"\} \d/);
    expect(metrics).toMatch(/dragoman_executions_total\{language="python",isolation="gvisor",outcome="completed"\} \d/);
    expect(server.output()).toContain('Isolation: namespaces');
  });

  describe('against callers', () => {
    it('lets no request choose a weaker wall, or any that its plan does not allow', async () => {
      const code = { language: 'python', code: kernel };
      for (const isolation of ['namespaces', 'microvm']) {
        expect(await call('tenant', 'POST', '/executions', { ...code, isolation })).toMatchObject({ status: 403 });
        expect(await call('tenant', 'POST', '/sessions', { isolation })).toMatchObject({ status: 403 });
      }
      expect(await call('own', 'POST', '/executions', { ...code, isolation: 'gvisor' })).toMatchObject({ status: 403 });
      expect(await call('own', 'POST', '/executions', { ...code, isolation: 'none' })).toMatchObject({ status: 400 });
    });

    it('lets a request choose where its plan allows it, and a session keeps that', async () => {
      const chosen = await call('chooser', 'POST', '/sessions', { isolation: 'gvisor' });
      const at = `/sessions/${chosen.json.id}`;
      const code = { language: 'python', code: kernel };
      expect((await call('chooser', 'POST', `${at}/executions`, code)).json.stdout).toMatch(isGvisor);
      expect(await call('chooser', 'POST', `${at}/executions`, { ...code, isolation: 'namespaces' })).toMatchObject({
        status: 409,
      });
      const fork = await call('chooser', 'POST', `${at}/fork`, { isolation: 'namespaces' });
      expect(fork.json).toMatchObject({ isolation: 'gvisor' });
      expect((await call('chooser', 'POST', '/executions', code)).json.isolation).toBe('namespaces');
    });
  });
});

describe('an isolation that the host lacks', attacking('tiers'), () => {
  it('refuses the keys of its plan, in the shape of each API, and nobody else', async () => {
    const server = await startServer({
      env: {
        DRAGOMAN_PLANS: JSON.stringify({ plans, keys: { tenant: 'untrusted' } }),
        DRAGOMAN_API_KEYS: 'own:own-secret,tenant:tenant-secret',
        DRAGOMAN_ADMIN_KEYS: 'own',
        DRAGOMAN_RUNSC: '/nowhere/runsc',
      },
    });
    try {
      const post = async (key: string, path: string, body: unknown) => {
        const response = await fetch(`${server.url}${path}`, {
          method: 'POST',
          headers: {
            ...{ authorization: `Bearer ${key}-secret`, 'content-type': 'application/json' },
            accept: 'application/json, text/event-stream',
          },
          body: JSON.stringify(body),
        });
        return { status: response.status, text: await response.text() };
      };
      const code = { language: 'python', code: 'print(1)' };
      for (const [path, body] of [
        ['/v1/executions', code],
        ['/v1/sessions', {}],
        ['/v1/exec', { lang: 'py', code: 'print(1)' }],
        ['/v1/containers', { name: 'c' }],
        ['/v1/sandboxes', { image: { uri: 'python' }, timeout: 60, entrypoint: ['true'] }],
      ] as const) {
        const { status, text } = await post('tenant', path, body);
        expect({ path, status }).toEqual({ path, status: 503 });
        expect(JSON.stringify(JSON.parse(text))).toContain('gvisor');
        expect(text).toContain('/nowhere/runsc does not exist');
      }
      expect(await post('own', '/v1/executions', code)).toMatchObject({ status: 200 });
      const admin = await fetch(`${server.url}/v1/admin/overview`, { headers: { 'x-api-key': 'own-secret' } });
      expect(await admin.json()).toMatchObject({
        ready: true,
        problems: expect.arrayContaining([expect.objectContaining({ code: 'isolation' })]),
      });
    } finally {
      await server.stop();
    }
  });

  it.each([
    [{ isolation: 'gvisors' }, 'isolation must be one of namespaces, gvisor, microvm'],
    [
      { isolation: 'namespaces' },
      'isolation must not be namespaces, which is weaker than DRAGOMAN_MIN_ISOLATION=gvisor',
    ],
    [{ isolation_choices: 'namespaces' }, 'isolation_choices must not hold namespaces, which is weaker'],
  ])('or that a plan may not name is a refusal to start: %j', async (plan, fault) => {
    const env = {
      DRAGOMAN_ISOLATION: 'gvisor',
      DRAGOMAN_MIN_ISOLATION: 'gvisor',
      DRAGOMAN_PLANS: JSON.stringify({ plans: { weak: plan } }),
    };
    await expect(startServer({ env })).rejects.toThrow(`DRAGOMAN_PLANS plan weak: ${fault}`);
  });
});
