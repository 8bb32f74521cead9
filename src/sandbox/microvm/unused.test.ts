import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makingIn } from '../making.ts';
import { sweepMachines, templatesIn } from './unused.ts';

const now = Date.now();
const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'dragoman-machines-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
};
const age = (path: string, days: number) => {
  const at = now / 1000 - days * 24 * 60 * 60;
  utimesSync(path, at, at);
  return path;
};

it('packed images and initial file systems that no service has used for a week are removed, and nothing else', () => {
  const machines = folder();
  const put = (name: string, days: number) => {
    writeFileSync(join(machines, name), '');
    return age(join(machines, name), days);
  };
  const stay = [
    put('full-0123456789ab.sqfs', 6),
    put('core-ffffffffffff.sqfs.making', 0),
    put('initial-0123456789abcdef', 6),
    put('kernel-6.12', 100),
    put('saved', 100),
    put('initial-notes.txt', 100),
    put('mine.sqfs', 100),
  ];
  const gone = [
    put('full-aaaaaaaaaaaa.sqfs', 8),
    put('full-aaaaaaaaaaaa.sqfs.making', 8),
    put('initial-aaaaaaaaaaaaaaaa', 8),
    put('initial-aaaaaaaaaaaaaaaa.4711', 8),
  ];
  sweepMachines(machines, now);
  expect(stay.filter((path) => !existsSync(path))).toEqual([]);
  expect(gone.filter(existsSync)).toEqual([]);
});

it('templates of a week ago, and what a killed process has left of one, are removed', () => {
  const machines = folder();
  const templates = templatesIn(machines);
  const path = (name: string) => join(templates, name);
  const [used, old, left, ours] = [path('used'), path('old'), path('.making-4194303-77.x'), makingIn(templates)];
  for (const each of [used, old, left, ours]) mkdirSync(each, { recursive: true });
  age(used, 6);
  age(old, 8);
  // The folder itself is nothing that is used or not.
  age(templates, 100);
  sweepMachines(machines, now);
  expect([used, old, left, ours].map(existsSync)).toEqual([true, false, false, true]);
  sweepMachines(join(machines, 'nowhere'), now);
});
