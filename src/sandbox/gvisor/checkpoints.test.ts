import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Checkpoints } from './checkpoints.ts';

it('keeps templates of other versions that were used within a day, and two that were not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'checkpoints-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const parts = { imageRoot: '/image', files: [], seccomp: Buffer.alloc(8), ownFolder: '/own' };
  const runsc = { path: '/runsc', version: '1', restoresInBackground: false };
  for (const [name, days] of Object.entries({ new: 0, one: 0.5, two: 0.6, three: 2, four: 3 })) {
    mkdirSync(join(folder, `templates-${name}`));
    const time = Date.now() / 1000 - days * 24 * 3600;
    utimesSync(join(folder, `templates-${name}`), time, time);
  }
  const own = (names: string[]) => names.filter((name) => /^templates-[0-9a-f]{16}$/.test(name));
  new Checkpoints(folder, parts, runsc, []).sweep();
  const kept = readdirSync(folder);
  expect(own(kept).length).toBe(1);
  expect(kept.filter((name) => !own(kept).includes(name))).toEqual(['templates-new', 'templates-one', 'templates-two']);

  // Once started with, the first one is as new again.
  new Checkpoints(folder, parts, { ...runsc, version: '2' }, []).sweep();
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(kept));
  expect(own(readdirSync(folder)).length).toBe(2);
});
