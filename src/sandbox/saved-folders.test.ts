import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makingIn, sweepMaking } from './making.ts';
import { SavedFolders } from './saved-folders.ts';

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'dragoman-saved-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('what processes that are gone have left is swept, and what one that lives works with stays', async () => {
  const all = join(directory(), 'saved');
  // Of this process' number, and of another start of it.
  const gone = [`${process.pid}-1`, '4194303-77', 'anything'].map((name) => join(all, name));
  for (const path of gone) mkdirSync(join(path, 'checkpoint'), { recursive: true });
  const folders = new SavedFolders(all);
  folders.start();
  expect(gone.filter(existsSync)).toEqual([]);
  const made = await folders.make();
  writeFileSync(join(made.path, 'pages'), 'x');
  expect(statSync(made.path).mode & 0o777).toBe(0o700);
  new SavedFolders(all).start();
  expect(existsSync(made.path)).toBe(true);
  await made.remove();
  await made.remove();
  expect(existsSync(made.path)).toBe(false);
});

test('what is half made is swept with its process', () => {
  const folder = directory();
  const [ours, theirs, other] = [makingIn(folder), join(folder, '.making-4194303-77.x'), join(folder, 'made')];
  for (const path of [ours, theirs, other]) mkdirSync(path);
  sweepMaking(folder);
  expect([ours, theirs, other].map(existsSync)).toEqual([true, false, true]);
});
