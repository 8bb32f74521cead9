import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { diskOf } from './disk.ts';

it('names the disk of a path, and none for file systems without one', () => {
  for (const path of ['/proc', '/sys', '/dev/shm']) expect(diskOf(path)).toBeUndefined();
  const disk = diskOf('/');
  // In a container the root is an overlay, on no disk of its own.
  if (disk === undefined) return;
  expect(disk).toMatch(/^\d+:\d+$/);
  expect(statSync(`/sys/dev/block/${disk}`).isDirectory()).toBe(true);
});
