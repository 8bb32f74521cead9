import { randomBytes } from 'node:crypto';
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Answer, LibreChatClient } from '../support/librechat.ts';
import { type MemoryGroup, makeMemoryGroup } from '../support/memory-group.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { attacking, hostile } from './attack.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const MiB = 1 << 20;
/** Longer than any wait of the server's own. */
const deadlineMs = 40_000;
const env = {
  DRAGOMAN_API_KEYS: 'good:key-of-the-good,bad:key-of-the-bad',
  DRAGOMAN_RATE_LIMITS: 'off',
  // Two at their limits are more than the whole server has.
  DRAGOMAN_MEMORY_BYTES: '320m',
  DRAGOMAN_WORKSPACE_BYTES: '100m',
  DRAGOMAN_CONCURRENCY: '6',
  DRAGOMAN_POOL: '2',
  DRAGOMAN_QUEUE_WAIT_MS: '15000',
};

interface StoredUpload {
  readonly path: string;
  readonly content: string;
}

describe('a server with little memory', attacking('endurance'), () => {
  let group: MemoryGroup;
  let dataDir: string;
  beforeEach(() => {
    group = makeMemoryGroup(`dragoman-test-${process.pid}`, 640 * MiB);
    dataDir = mkdtempSync(join(tmpdir(), 'dragoman-memory-'));
  });
  afterEach(() => {
    rmSync(dataDir, { recursive: true, force: true });
    group.remove();
  });
  const start = () => startServer({ dataDir, env, command: [...group.enter, process.execPath, main, 'serve'] });
  const client = (server: TestServer, key: string) => new LibreChatClient(`${server.url}/v1`, `key-of-the-${key}`);

  /** Programs that take all there is in every way, large uploads and small honest programs, for a while. */
  async function load(server: TestServer, ms: number) {
    const until = performance.now() + ms;
    const stored: StoredUpload[] = [];
    const faults: string[] = [];
    const counts = { hungry: 0, upload: 0, print: 0 };
    const ask = async <T>(kind: keyof typeof counts, request: Promise<Answer<T>>): Promise<T | undefined> => {
      const began = performance.now();
      try {
        const { status, body } = await request;
        counts[kind]++;
        // An answer or a refusal with a reason.
        if (status !== 200 && !(body as { error?: string }).error) faults.push(`${kind}: ${status} without a reason`);
        if (![200, 429, 503].includes(status)) faults.push(`${kind}: ${status}`);
        return status === 200 ? body : undefined;
      } catch (error) {
        faults.push(`${kind}: ${(error as Error).message}`);
        await sleep(100);
        return undefined;
      } finally {
        if (performance.now() - began > deadlineMs) faults.push(`${kind}: late`);
      }
    };
    const repeat = async (work: (round: number) => Promise<void>) => {
      for (let round = 0; performance.now() < until; round++) await work(round);
    };
    const hungry = ['resources/memory-bomb.py', 'resources/fill-everything-at-once.py', 'outputs/large-file.py'].map(
      (path) => hostile(path).code,
    );
    await Promise.all([
      ...[0, 1, 2, 0, 1].map((first) =>
        repeat(async (round) => {
          const body = await ask(
            'hungry',
            client(server, 'bad').run('py', hungry[(first + round) % 3]!, { timeout: 5000 }),
          );
          if (body && ![null, 'SG', 'TO'].includes(body.status)) faults.push(`hungry: ${JSON.stringify(body)}`);
        }),
      ),
      ...[0, 1].map(() =>
        repeat(async () => {
          const content = randomBytes(10 * MiB).toString('hex');
          const fields = { kind: 'user', id: 'u' };
          const body = await ask('upload', client(server, 'good').upload([{ name: 'a.txt', content }], fields));
          const id = body?.files[0]?.fileId;
          if (id) stored.push({ path: `/download/${body.storage_session_id}/${id}?kind=user&id=u`, content });
        }),
      ),
      repeat(async () => {
        const nonce = randomBytes(8).toString('hex');
        const body = await ask('print', client(server, 'good').run('py', `print("${nonce}")`));
        // It may be the one the kernel ends, for want of the others' memory; then it says so.
        const ending = [body?.status, body?.stdout].join(' ');
        if (body && ![` ${nonce}\n`, `SG ${nonce}\n`, 'SG '].includes(ending))
          faults.push(`print: ${JSON.stringify(body)}`);
      }),
    ]);
    return { stored, faults, counts };
  }

  async function verify(server: TestServer, stored: readonly StoredUpload[]): Promise<void> {
    for (const { path, content } of stored)
      expect((await client(server, 'good').get<string>(path)).body === content).toBe(true);
    const after = await client(server, 'good').run('py', 'print(6 * 7)');
    expect(after.body).toMatchObject({ stdout: '42\n', status: null });
  }

  it('lets programs go first: everybody is answered, and what it acknowledged is there', {
    timeout: 120_000,
  }, async () => {
    const server = await start();
    try {
      const { stored, faults, counts } = await load(server, 12_000);
      expect(faults).toEqual([]);
      expect(Math.min(...Object.values(counts), stored.length)).toBeGreaterThan(1);
      await verify(server, stored);
    } finally {
      await server.stop();
    }
  });

  it('that is killed by the kernel after all has lost nothing, and its sandboxes are swept by the next', {
    timeout: 120_000,
  }, async () => {
    const first = await start();
    writeFileSync(`/proc/${first.pid}/oom_score_adj`, '1000');
    const { stored, faults } = await load(first, 8000);
    expect(faults).toContain('print: fetch failed');
    await expect(first.stop()).rejects.toThrow('the server ended with null');
    const second = await start();
    try {
      await vi.waitUntil(() => globSync(`/sys/fs/cgroup/**/dragoman.${first.pid}.*`).length === 0, { timeout: 10_000 });
      await verify(second, stored);
    } finally {
      await second.stop();
    }
  });
});
