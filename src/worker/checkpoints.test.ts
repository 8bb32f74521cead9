import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Engine, EngineSession } from '../engine/index.ts';
import type { JobFiles } from '../runner/index.ts';
import { saveCheckpoint } from './checkpoints.ts';

let folder: string;
let stored: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'checkpoint-'));
  stored = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Saves a session whose boundary leaves what `write` does in the folder. */
function save(write: (path: string) => void) {
  const checkpoints = {
    makeFolder: async () => ({ path: folder, remove: async () => {} }),
    version: async () => 'one',
  };
  const sandbox = { checkpoint: async (path: string) => write(path) } as unknown as EngineSession;
  const files = {
    async put(_: unknown, name: string, content: AsyncIterable<Uint8Array>) {
      stored.push(name);
      const { length } = Buffer.concat(await Array.fromAsync(content));
      return { digest: 'd'.repeat(64), size: length };
    },
  } as unknown as JobFiles;
  const whose = { session: 's', use: { owner: 'ann' } } as Parameters<typeof saveCheckpoint>[3];
  const live = () => ({ held: [], folders: [], kernels: [] });
  const bounds = { deadlineMs: 10_000, maxBytes: 1024 * 1024 };
  return saveCheckpoint({ checkpoints } as unknown as Engine, sandbox, files, whose, live, bounds);
}

it('stores the files that were written', async () => {
  const saved = await save((path) => writeFileSync(join(path, 'state'), 'memory'));
  expect(saved).toMatchObject({ loss: null, ref: { digest: 'd'.repeat(64) } });
  expect(stored).toHaveLength(2);
});

it.each([
  ['a link to a file of the host', (path: string) => symlinkSync('/etc/passwd', join(path, 'state'))],
  ['a pipe that nobody writes to', (path: string) => execFileSync('mkfifo', [join(path, 'state')])],
  ['a folder', (path: string) => mkdirSync(join(path, 'state'))],
  [
    'files without end',
    (path: string) => {
      for (let each = 0; each < 17; each++) writeFileSync(join(path, `${each}`), '');
    },
  ],
])('stores nothing where a hostile boundary leaves %s', async (_, write) => {
  expect(await save(write)).toMatchObject({ ref: null, loss: { reason: 'failed' } });
  expect(stored).toEqual([]);
});
