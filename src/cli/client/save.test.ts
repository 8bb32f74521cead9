import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { saveBelow } from './save.ts';

let parent: string;
let out: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'save-'));
  onTestFinished(() => rmSync(parent, { recursive: true }));
  out = join(parent, 'out');
  writeFileSync(join(parent, 'secret'), 'secret');
});

const content =
  (text = 'hostile') =>
  async () => ({ body: new Blob([text]).stream() });

describe('a file of a sandbox', () => {
  it('is saved with its folders', async () => {
    expect(await saveBelow(out, 'a/b/c.txt', content('fine'))).toBe(join(out, 'a/b/c.txt'));
    await saveBelow(out, 'a/b/c.txt', content('newer'));
    expect(readFileSync(join(out, 'a/b/c.txt'), 'utf8')).toBe('newer');
    expect(readdirSync(join(out, 'a/b'))).toEqual(['c.txt']);
  });

  it.each([
    '../secret',
    'a/../../secret',
    '..',
    '.',
    '',
    '/etc/hostname',
    'a//b',
    'a/',
    'a\0b',
    'a\x1b[2Jb',
    '..\\secret',
    'C:\\secret',
    'x'.repeat(300),
  ])('whose name is %j is refused', async (path) => {
    await expect(saveBelow(out, path, content())).rejects.toThrow('is not saved');
    expect(readFileSync(join(parent, 'secret'), 'utf8')).toBe('secret');
    expect(readdirSync(parent)).toEqual(['secret']);
  });

  it('does not go through a link to a folder', async () => {
    mkdirSync(out);
    symlinkSync(parent, join(out, 'link'));
    await expect(saveBelow(out, 'link/secret', content())).rejects.toThrow('is no folder of its own');
    expect(readFileSync(join(parent, 'secret'), 'utf8')).toBe('secret');
  });

  it('replaces a link of its name and not what it points to', async () => {
    mkdirSync(out);
    symlinkSync(join(parent, 'secret'), join(out, 'a'));
    await saveBelow(out, 'a', content());
    expect(readFileSync(join(parent, 'secret'), 'utf8')).toBe('secret');
    expect(readFileSync(join(out, 'a'), 'utf8')).toBe('hostile');
  });

  it('does not replace a folder', async () => {
    mkdirSync(join(out, 'a'), { recursive: true });
    await expect(saveBelow(out, 'a', content())).rejects.toThrow('is a folder');
  });

  it('that is larger than was said leaves nothing', async () => {
    await expect(saveBelow(out, 'a', content('x'.repeat(100)), 10)).rejects.toThrow('larger than the service said');
    expect(existsSync(join(out, 'a'))).toBe(false);
    expect(readdirSync(out)).toEqual([]);
  });
});
