import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { CommandError } from './command-error.ts';
import { makeFolders, prepareFolder } from './folders.ts';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'folders-'));
  onTestFinished(() => rmSync(parent, { recursive: true }));
});

describe('a folder for results', () => {
  it('is made with those above it, and holds nothing after it was tried', () => {
    prepareFolder(join(parent, 'a/b/c'));
    prepareFolder(join(parent, 'a/b/c'));
    expect(readdirSync(join(parent, 'a/b/c'))).toEqual([]);
  });

  it('has the mode that is asked for', () => {
    makeFolders(join(parent, 'a/b'), 0o700);
    expect(statSync(join(parent, 'a')).mode & 0o777).toBe(0o700);
    expect(statSync(join(parent, 'a/b')).mode & 0o777).toBe(0o700);
  });

  it.runIf(existsSync('/proc/self')).each(['/proc/nope', '/proc/nope/deep', '/proc/self'])(
    'that cannot be, such as %s, is refused and not waited for',
    (folder) => {
      expect(() => prepareFolder(folder)).toThrow(CommandError);
    },
  );

  it('that is a file, lies below one, or is a link that leads nowhere is refused', () => {
    writeFileSync(join(parent, 'file'), '');
    symlinkSync(join(parent, 'gone'), join(parent, 'link'));
    expect(() => makeFolders(join(parent, 'file'))).toThrow('is no folder');
    expect(() => makeFolders(join(parent, 'file/a'))).toThrow(CommandError);
    expect(() => makeFolders(join(parent, 'link'))).toThrow(CommandError);
  });
});
