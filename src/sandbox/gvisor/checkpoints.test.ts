import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Checkpoints } from './checkpoints.ts';

const dayMs = 24 * 60 * 60_000;
const parts = { imageRoot: '/image', files: [], seccomp: Buffer.alloc(8), ownFolder: '/own' };
const tierFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'checkpoints-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
};
/** What a service with this version of gVisor does at its start. */
const start = (tierDir: string, version: string) => {
  const runsc = { path: '/runsc', version, restoresInBackground: false };
  const checkpoints = new Checkpoints(tierDir, parts, runsc, []);
  checkpoints.start();
  onTestFinished(() => checkpoints.close());
  return { checkpoints, folder: join(tierDir, dirname(checkpoints.versionOf('python'))) };
};

it('keeps templates of other versions that were used within a week, and nothing that was not', () => {
  const tierDir = tierFolder();
  for (const [name, days] of Object.entries({
    'templates-new': 0,
    'templates-six': 6,
    'templates-eight': 8,
    own: 100,
  })) {
    mkdirSync(join(tierDir, name));
    const time = Date.now() / 1000 - days * 24 * 3600;
    utimesSync(join(tierDir, name), time, time);
  }
  mkdirSync(join(tierDir, '.making-4194303-77.x'));
  const { folder } = start(tierDir, '1');
  expect(
    readdirSync(tierDir)
      .map((name) => join(tierDir, name))
      .toSorted(),
  ).toEqual([folder, ...['own', 'templates-new', 'templates-six'].map((name) => join(tierDir, name))].toSorted());
});

it('a service that runs for weeks and is versions behind keeps its templates, until it has ended', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const tierDir = tierFolder();
  const old = start(tierDir, '1');
  const forgotten = start(tierDir, '2');
  forgotten.checkpoints.close();
  for (const version of ['3', '4', '5', '6']) {
    vi.advanceTimersByTime(3 * dayMs);
    start(tierDir, version).checkpoints.close();
  }
  expect([old.folder, forgotten.folder].map(existsSync)).toEqual([true, false]);

  old.checkpoints.close();
  vi.advanceTimersByTime(8 * dayMs);
  start(tierDir, '7');
  expect(existsSync(old.folder)).toBe(false);
});
