import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makingIn } from '../making.ts';
import { sweepTemplates } from './template.ts';

it('templates of a week ago, and what a killed process has left of one, are removed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dragoman-templates-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const day = 24 * 60 * 60;
  const path = (name: string) => join(folder, name);
  const [used, old, left, ours] = [path('used'), path('old'), path('.making-4194303-77.x'), makingIn(folder)];
  for (const each of [used, old, left, ours]) mkdirSync(each);
  const now = Date.now();
  utimesSync(used, now / 1000 - 6 * day, now / 1000 - 6 * day);
  utimesSync(old, now / 1000 - 8 * day, now / 1000 - 8 * day);
  sweepTemplates(folder, now);
  expect([used, old, left, ours].map(existsSync)).toEqual([true, false, false, true]);
  sweepTemplates(path('nowhere'), now);
});
