import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const fixture = fileURLToPath(new URL('../fixtures/full-disk.ts', import.meta.url));

it('refuses to store on a full disk, leaves nothing behind, and goes on when there is room', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-full-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  // A disk of its own, seen by this one process and gone with it.
  const { stdout } = await promisify(execFile)(
    'unshare',
    [
      '--user',
      '--map-root-user',
      '--mount',
      'sh',
      '-c',
      'mount -t tmpfs -o size=4m tmpfs "$1" && exec "$2" "$3" "$1"',
      'sh',
      directory,
      process.execPath,
      fixture,
    ],
    { timeout: 15_000 },
  );
  expect(JSON.parse(stdout)).toEqual({
    tooMuch: 'storage_unavailable: ENOSPC',
    leftByTooMuch: [],
    small: 'storage_unavailable: database or disk is full',
    leftBySmall: [],
    // The hold on bytes that are there is a record too.
    equal: 'storage_unavailable: database or disk is full',
    session: 'storage_unavailable: database or disk is full',
    isFirstWhole: true,
    smallAfterwards: 'stored',
    sessionAfterwards: 'stored',
  });
});
