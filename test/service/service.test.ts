import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exec } from '../support/client.ts';
import { startAsOrdinaryUser } from '../support/ordinary-user.ts';
import { startServer, type TestServer } from '../support/server.ts';

const languages = [
  ['py', 'print(sum(range(10)))'],
  ['js', 'console.log([...Array(10).keys()].reduce((a, b) => a + b))'],
  ['ts', 'const n: number[] = [20, 25]; console.log(n[0]! + n[1]!)'],
  ['bash', 'echo $((40 + 5))'],
] as const;

describe.each([
  ['as the user the tests run as', startServer],
  ['as an ordinary user', startAsOrdinaryUser],
])('the service %s', (_, start) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());

  it.each(languages)('runs %s', async (lang, code) => {
    expect(await exec(server, { lang, code })).toMatchObject({ httpStatus: 200, code: 0, stdout: '45\n', stderr: '' });
  });

  it('runs the data stack and brings files out', async () => {
    const code =
      'import pandas as pd\npd.DataFrame({"a": [1]}).to_csv("out/a.csv", index=False) if __import__("os").makedirs("out") is None else 0';
    const answer = await exec(server, { lang: 'py', code });
    expect(answer).toMatchObject({ code: 0, stderr: '' });
    expect(answer.files.map((file) => file.name)).toEqual(['out/a.csv']);
    const { storage_session_id, id } = answer.files[0]!;
    const file = await fetch(`${server.url}/v1/download/${storage_session_id}/${id}`, {
      headers: { 'x-api-key': server.key },
    });
    expect(await file.text()).toBe('a\n1\n');
  });

  it('is no root inside, and not alone by chance', async () => {
    const { stdout } = await exec(server, {
      lang: 'bash',
      code: 'id -u; cat /proc/self/status | grep -E "^(CapEff|NoNewPrivs|Seccomp):"',
    });
    expect(stdout.replaceAll('\t', ' ')).toBe('1000\nCapEff: 0000000000000000\nNoNewPrivs: 1\nSeccomp: 2\n');
  });

  it('ends a program at its memory limit and goes on', async () => {
    const answer = await exec(server, { lang: 'py', code: 'x = bytearray(3 * 1024**3)\nprint(len(x))' });
    expect(answer).toMatchObject({ httpStatus: 200, status: 'SG' });
    expect(answer.stderr).toContain('Out of memory');
    expect(await exec(server, { lang: 'py', code: 'print(1)' })).toMatchObject({ stdout: '1\n' });
  });
});

describe('admission', () => {
  it('answers another key promptly while fifty endless loops wait for their limit', async () => {
    const server = await startServer({
      env: {
        DRAGOMAN_API_KEYS: 'greedy:secret-of-greedy,modest:secret-of-modest',
        DRAGOMAN_RUN_TIMEOUT_MS: '60000',
        DRAGOMAN_QUEUE: '30',
      },
    });
    try {
      const gone = new AbortController();
      const loops = Array.from({ length: 50 }, () =>
        exec({ ...server, key: 'secret-of-greedy' }, { lang: 'py', code: 'while True: pass' }, { signal: gone.signal }),
      );
      const refused: { httpStatus: number; retryAfter: string | null }[] = [];
      for (const loop of loops) {
        loop.then(
          ({ httpStatus, headers }) => {
            if (httpStatus !== 200) refused.push({ httpStatus, retryAfter: headers.get('retry-after') });
          },
          () => {},
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const modest = { ...server, key: 'secret-of-modest' };
      for (let i = 0; i < 5; i++) {
        const answer = await exec(
          modest,
          { lang: 'py', code: 'print("prompt")' },
          { signal: AbortSignal.timeout(10_000) },
        );
        expect(answer.stdout).toBe('prompt\n');
      }
      // What does not fit the queue is refused with the time to come back.
      expect(refused.length).toBeGreaterThan(0);
      for (const { httpStatus, retryAfter } of refused) {
        expect(httpStatus).toBe(429);
        expect(Number(retryAfter)).toBeGreaterThan(0);
      }
      gone.abort();
      await Promise.allSettled(loops);
    } finally {
      await server.stop();
    }
  });

  it('stops a program whose client has gone', async () => {
    const server = await startServer({ env: { DRAGOMAN_CONCURRENCY: '1' } });
    try {
      await expect(
        exec(server, { lang: 'py', code: 'while True: pass' }, { signal: AbortSignal.timeout(500) }),
      ).rejects.toThrow();
      // There is one place: it answers only if the loop has left it.
      const answer = await exec(server, { lang: 'py', code: 'print(1)' }, { signal: AbortSignal.timeout(20_000) });
      expect(answer.stdout).toBe('1\n');
    } finally {
      await server.stop();
    }
  });
});

describe('starting and ending', () => {
  const dataDirs: string[] = [];
  const dataDir = () => {
    dataDirs.push(mkdtempSync(join(tmpdir(), 'dragoman-keep-')));
    return dataDirs.at(-1)!;
  };
  afterAll(() => {
    for (const dir of dataDirs) rmSync(dir, { recursive: true, force: true });
  });

  it('leaves nothing behind after kill -9, and the next start sweeps what was frozen', async () => {
    const dir = dataDir();
    const first = await startServer({ dataDir: dir });
    const made = await exec(first, { lang: 'py', code: 'open("kept.txt", "w").write("kept")' });
    const loop = exec(first, { lang: 'bash', code: 'sleep 60 & while :; do :; done' }).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 800));
    await first.kill();
    await loop;
    const second = await startServer({ dataDir: dir });
    try {
      // Another server that starts in the meantime may be the one that sweeps.
      await vi.waitUntil(() => groupsOf(first.pid).length === 0, { timeout: 10_000 });
      expect(second.output()).not.toContain(first.key);
      const { storage_session_id, id } = made.files[0]!;
      const kept = await fetch(`${second.url}/v1/download/${storage_session_id}/${id}`, {
        headers: { 'x-api-key': first.key },
      });
      expect(await kept.text()).toBe('kept');
    } finally {
      await second.stop();
    }
    expect(groupsOf(second.pid)).toEqual([]);
  });

  it('refuses a data directory that another server uses', async () => {
    const dir = dataDir();
    const first = await startServer({ dataDir: dir });
    try {
      await expect(startServer({ dataDir: dir })).rejects.toThrow(/another server is using the data directory/);
      expect(await exec(first, { lang: 'py', code: 'print(1)' })).toMatchObject({ stdout: '1\n' });
    } finally {
      await first.stop();
    }
  });

  it('says when the port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    await expect(startServer({ env: { DRAGOMAN_PORT: String(port) } })).rejects.toThrow(new RegExp(`${port}`));
    taken.close();
  });

  it('refuses to start without isolation, naming what is missing', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'empty-'));
    dataDirs.push(empty);
    chmodSync(empty, 0o755);
    execFileSync('ln', ['-s', process.execPath, '/usr/bin/unshare', '/usr/bin/cat', empty]);
    await expect(startServer({ env: { PATH: empty } })).rejects.toThrow(/bwrap|bubblewrap/);
  });
});

/** Control groups of a server, in whichever hierarchy. */
function groupsOf(pid: number): string[] {
  const root = '/sys/fs/cgroup';
  const below = (dir: string, depth: number): string[] => {
    if (depth === 0) return [];
    return entries(dir)
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) =>
        entry.name.startsWith(`dragoman.${pid}.`) ? [join(dir, entry.name)] : below(join(dir, entry.name), depth - 1),
      );
  };
  return below(root, 4);
}

function entries(dir: string) {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch {
    return []; // Another test's server has ended meanwhile.
  }
}
