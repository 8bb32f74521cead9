import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type NativeClient, nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { attacking } from './attack.ts';

/**
 * What a key has made and nothing uses is in the store alone. The heap is measured after its garbage was collected: resident memory
 * grows by tens of megabytes with any load, because the heap keeps room for garbage, and then stays.
 */

const MiB = 1024 * 1024;

let directory: string;
let server: TestServer;
let api: NativeClient;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'dragoman-heap-'));
  server = await startServer({
    env: {
      DRAGOMAN_RATE_LIMITS: 'off',
      NODE_OPTIONS: `--import ${fileURLToPath(new URL('../support/watch-heap.mjs', import.meta.url))}`,
      DRAGOMAN_TEST_HEAP_REPORT: join(directory, 'report.json'),
    },
  });
  api = nativeClient(server);
});
afterAll(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function heapBytes(): Promise<number> {
  const path = join(directory, 'report.json');
  rmSync(path, { force: true });
  process.kill(server.pid, 'SIGUSR2');
  await vi.waitFor(() => expect(existsSync(path)).toBe(true), { timeout: 60_000, interval: 20 });
  return JSON.parse(readFileSync(path, 'utf8')).heapBytes;
}

/** Does it so many times, eight at once. */
async function repeat(count: number, work: () => Promise<unknown>): Promise<void> {
  let left = count;
  const one = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: 8 }, one));
}

describe('the memory of the service', attacking('responsive'), () => {
  it('holds nothing of sessions that never ran', { timeout: 180_000 }, async () => {
    const make = () => api.session({ metadata: { note: 'x'.repeat(500) } });
    // What is compiled and cached with the first thousand is not of a session.
    await repeat(1000, make);
    const before = await heapBytes();
    await repeat(1500, make);
    // A record of each would be a kilobyte, an open session several.
    expect(await heapBytes()).toBeLessThan(before + MiB);
  });
});
