import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { NotedUse, sweepUnused } from './kept.ts';

const dayMs = 24 * 60 * 60_000;

it('what a service goes on using stays however old its start is, and is removed a week after its end', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const folder = mkdtempSync(join(tmpdir(), 'dragoman-kept-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const paths = ['used', 'later', 'unused', 'other'].map((name) => join(folder, name));
  const [used, later] = paths;
  for (const path of paths) {
    mkdirSync(path);
    utimesSync(path, new Date(), new Date());
  }
  const isThere = () => {
    sweepUnused(folder, /used|later/, Date.now());
    return paths.map(existsSync);
  };
  const noted = new NotedUse();
  noted.start();
  noted.add(used!);
  noted.add(join(folder, 'nowhere'));
  vi.advanceTimersByTime(6.5 * dayMs);
  noted.add(later!);
  expect(isThere()).toEqual([true, true, true, true]);
  vi.advanceTimersByTime(30 * dayMs);
  // What has another name is none of this.
  expect(isThere()).toEqual([true, true, false, true]);

  noted.close();
  vi.advanceTimersByTime(6 * dayMs);
  expect(isThere()).toEqual([true, true, false, true]);
  vi.advanceTimersByTime(2 * dayMs);
  expect(isThere()).toEqual([false, false, false, true]);
  sweepUnused(join(folder, 'nowhere'), /./, Date.now());
});
