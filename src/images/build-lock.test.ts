import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { acquireBuildLock } from './build-lock.ts';

let folder: string;
const silent = { note() {}, phase() {}, detail() {}, end() {} };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

it('is held by one at a time; the next waits and names the holder', async () => {
  const phases: string[] = [];
  const first = await acquireBuildLock(folder, silent);
  const second = acquireBuildLock(folder, { ...silent, phase: (text) => phases.push(text) });
  await expect(Promise.race([second, Promise.resolve('waiting')])).resolves.toBe('waiting');
  expect(phases).toEqual([`Waiting for another start (process ${process.pid}), which is building the image`]);
  first.release();
  (await second).release();
});

it('stops waiting when called off', async () => {
  const first = await acquireBuildLock(folder, silent);
  const abort = new AbortController();
  const second = acquireBuildLock(folder, silent, abort.signal);
  abort.abort();
  await expect(second).rejects.toThrow();
  first.release();
});

it('is free again when its holder was killed', { timeout: 20_000 }, async () => {
  const module = new URL('./build-lock.ts', import.meta.url).href;
  const program = `const { acquireBuildLock } = await import(${JSON.stringify(module)});
    const nothing = () => {};
    await acquireBuildLock(${JSON.stringify(folder)}, { note: nothing, phase: nothing, detail: nothing, end: nothing });
    process.kill(process.pid, 'SIGKILL');`;
  const { promise, resolve } = Promise.withResolvers<unknown>();
  execFile(process.execPath, ['--input-type=module', '-e', program], (error) => resolve(error?.signal));
  expect(await promise).toBe('SIGKILL');
  (await acquireBuildLock(folder, silent)).release();
});
