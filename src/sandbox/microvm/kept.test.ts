import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { machineFileNames, noteUse, sweepUnused } from './kept.ts';

it('packed images and initial file systems that no service has used for a week are removed, and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dragoman-machines-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const put = (name: string, days: number) => {
    const at = Date.now() / 1000 - days * 24 * 60 * 60;
    writeFileSync(join(folder, name), '');
    utimesSync(join(folder, name), at, at);
    return name;
  };
  const stay = [
    put('full-0123456789ab.sqfs', 6),
    put('core-ffffffffffff.sqfs.making', 0),
    put('initial-0123456789abcdef', 6),
    put('kernel-6.12', 100),
    put('templates', 100),
    put('initial-notes.txt', 100),
    put('mine.sqfs', 100),
  ];
  const again = put('root-aaaaaaaaaaaa.sqfs', 8);
  noteUse(join(folder, again));
  const gone = [
    put('full-aaaaaaaaaaaa.sqfs', 8),
    put('full-aaaaaaaaaaaa.sqfs.making', 8),
    put('initial-aaaaaaaaaaaaaaaa', 8),
    put('initial-aaaaaaaaaaaaaaaa.4711', 8),
  ];
  sweepUnused(folder, machineFileNames, Date.now());
  const isThere = (name: string) => existsSync(join(folder, name));
  expect([...stay, again].filter((name) => !isThere(name))).toEqual([]);
  expect(gone.filter(isThere)).toEqual([]);
  sweepUnused(join(folder, 'nowhere'), machineFileNames, Date.now());
  noteUse(join(folder, 'nowhere'));
});
