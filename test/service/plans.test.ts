import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exec } from '../support/client.ts';
import { launched } from '../support/launched.ts';
import { startServer, type TestServer } from '../support/server.ts';

const plans = {
  brief: { run_timeout_ms: 1000, max_run_timeout_ms: 1000 },
  small: {
    memory_bytes: '128m',
    processes: 12,
    output_bytes: '1k',
    artifacts: 1,
  },
  large: { memory_bytes: '2g', processes: 200 },
  slow: { cpus: 0.25 },
  rare: { rate_limits: 'exec=2/1h' },
  single: { concurrency: 1, queue: 0 },
};
const keys = { brief: 'brief', small: 'small', large: 'large', slow: 'slow', rare: 'rare', single: 'single' };
const hold = (bytes: string) => `b = bytearray(${bytes})\nfor i in range(0, len(b), 4096): b[i] = 1\nprint(len(b))`;
const fork = `
import os, time
count = 0
try:
    while count < 150:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        count += 1
except BlockingIOError:
    pass
print(count)
`;

/** What a plan promises, and that the next principal's is another, as seen from outside. */
describe('plans', () => {
  let directory: string;
  let path: string;
  let server: TestServer;
  const as = (key: string) => ({ url: server.url, key: `${key}-secret` });

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'dragoman-plans-'));
    path = join(directory, 'plans.json');
    writeFileSync(path, JSON.stringify({ plans, keys }));
    const names = [...Object.keys(keys), 'usual'];
    server = await startServer({
      env: {
        DRAGOMAN_PLANS: path,
        DRAGOMAN_API_KEYS: names.map((name) => `${name}:${name}-secret`).join(','),
        DRAGOMAN_MEMORY_BYTES: '512m',
        DRAGOMAN_CONCURRENCY: '8',
      },
    });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('limit the wall clock, also against a request that asks for more', async () => {
    const body = { lang: 'py', code: 'import time\nprint(1, flush=True)\ntime.sleep(1.5)\nprint(2)' };
    expect(await exec(as('brief'), { ...body, timeout: 20_000 })).toMatchObject({ status: 'TO', stdout: '1\n' });
    expect(await exec(as('usual'), body)).toMatchObject({ status: null, stdout: '1\n2\n' });
  });

  it('limit output and artifacts', async () => {
    const body = { lang: 'bash', code: 'head -c 3000 /dev/zero | tr "\\0" x; touch a b c' };
    const small = await exec(as('small'), body);
    expect(small.status).toBe('OL');
    expect(small.stdout).toContain('[… 1976 bytes left out …]');
    expect(small.files).toHaveLength(1);
    const usual = await exec(as('usual'), body);
    expect(usual.stdout).toBe('x'.repeat(3000));
    expect(usual.files).toHaveLength(3);
  });

  it('limit memory, below and above what sandboxes are made with', async () => {
    const body = { lang: 'py', code: hold('200 << 20') };
    expect(await exec(as('small'), body)).toMatchObject({ status: 'SG', stdout: '' });
    expect(await exec(as('usual'), body)).toMatchObject({ status: null, code: 0 });
    const more = { lang: 'py', code: hold('700 << 20') };
    expect(await exec(as('usual'), more)).toMatchObject({ status: 'SG' });
    expect(await exec(as('large'), more)).toMatchObject({ status: null, code: 0 });
  });

  it('limit processes, below and above what sandboxes are made with', async () => {
    const count = async (key: string) => Number((await exec(as(key), { lang: 'py', code: fork })).stdout);
    expect(await count('small')).toBeLessThan(12);
    const usual = await count('usual');
    expect(usual).toBeGreaterThan(100);
    expect(usual).toBeLessThan(128);
    expect(await count('large')).toBe(150);
  });

  it('limit the processor', async () => {
    const code =
      'import time\nend = time.monotonic() + 0.8\nwhile time.monotonic() < end: pass\nprint(time.process_time())';
    const used = async (key: string) => Number((await exec(as(key), { lang: 'py', code })).stdout);
    expect(await used('slow')).toBeLessThan(0.45);
  });

  it('limit rates', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await exec(as('rare'), { lang: 'bash', code: '' })).httpStatus);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await exec(as('usual'), { lang: 'bash', code: '' })).httpStatus).toBe(200);
  });

  it('limit how many run at once', async () => {
    const body = { lang: 'bash', code: 'sleep 0.5' };
    const statuses = async (key: string) =>
      (await Promise.all([exec(as(key), body), exec(as(key), body)])).map(({ httpStatus }) => httpStatus).sort();
    expect(await statuses('single')).toEqual([200, 429]);
    expect(await statuses('usual')).toEqual([200, 200]);
  });
});

describe('plans of keys made by the command', () => {
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
  let dataDir: string;
  let env: Record<string, string>;
  const keys = (...args: string[]) =>
    execFileSync(process.execPath, [main, 'keys', ...args], {
      env: { ...launched, DRAGOMAN_DATA_DIR: dataDir, ...env },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();

  beforeAll(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'dragoman-plans-'));
    env = { DRAGOMAN_PLANS: join(dataDir, 'plans.json') };
    writeFileSync(env.DRAGOMAN_PLANS!, JSON.stringify({ plans }));
  });
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

  it('hold, can be changed while the server runs, and have to exist', { timeout: 90_000 }, async () => {
    expect(() => keys('create', 'ann', '--plan', 'huge')).toThrow('There is no plan huge');
    const secret = keys('create', 'ann', '--plan', 'small');
    expect(keys('list')).toMatch(/ann {2}small {2}use {2}live/);
    const server = await startServer({ dataDir, env });
    try {
      const ann = { url: server.url, key: secret };
      const body = { lang: 'bash', code: 'head -c 3000 /dev/zero' };
      expect((await exec(ann, body)).status).toBe('OL');
      keys('plan', 'ann', 'default');
      await expect.poll(async () => (await exec(ann, body)).status, { timeout: 40_000, interval: 500 }).toBeNull();
      keys('plan', 'ann', 'small');
    } finally {
      await server.stop();
    }
    await expect(startServer({ dataDir })).rejects.toThrow('The key ann has the plan small, which');
  });
});
