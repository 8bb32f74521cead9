import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { checkForeignRoot, checkReachable, mountPoints, surveyRoot } from './image-root.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'root-'));
  chmodSync(root, 0o755);
  onTestFinished(() => rmSync(root, { recursive: true }));
});

const makeFolder = (path: string, mode = 0o755) => mkdirSync(join(root, path), { recursive: true, mode });
const makeFile = (path: string, mode = 0o644) => {
  writeFileSync(join(root, path), 'content');
  chmodSync(join(root, path), mode);
};

describe('checkReachable', () => {
  it('names the folder in the way', () => {
    makeFolder('open/closed/image');
    expect(() => checkReachable(join(root, 'open/closed/image'))).not.toThrow();
    chmodSync(join(root, 'open/closed'), 0o750);
    expect(() => checkReachable(join(root, 'open/closed/image'))).toThrow(/chmod o\+x \S*\/open\/closed`/);
  });
});

describe('checkForeignRoot', () => {
  it('says what a root lacks, one thing after the other', () => {
    expect(() => checkForeignRoot(join(root, 'none'))).toThrow(/is not a folder/);
    expect(() => checkForeignRoot(root)).toThrow(/usr\/bin\/python3/);
    makeFolder('usr/bin');
    symlinkSync('/usr/bin/python3.99', join(root, 'usr/bin/python3'));
    symlinkSync('dash', join(root, 'usr/bin/sh'));
    expect(() => checkForeignRoot(root)).toThrow(/mkdir -p \S*\/proc /);
    for (const path of mountPoints) makeFolder(path);
    expect(() => checkForeignRoot(root)).not.toThrow();
  });
});

describe('surveyRoot', () => {
  it('adds up what everybody may read', () => {
    makeFolder('etc');
    makeFile('etc/hosts');
    symlinkSync('/nowhere', join(root, 'etc/link'));
    expect(surveyRoot(root)).toBeGreaterThanOrEqual(4096);
  });

  it.each([
    ['a file only its owner reads', () => makeFile('secret', 0o600), /secret cannot be read by everybody/],
    ['a folder others cannot enter', () => makeFolder('f', 0o744), /f cannot be read/],
    ['a program that changes who runs it', () => makeFile('su', 0o4755), /su changes who runs it/],
  ])('refuses %s', (_what, spoil, message) => {
    spoil();
    expect(() => surveyRoot(root)).toThrow(message);
  });
});
