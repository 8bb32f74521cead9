import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ImageDefinition } from './image-definition.ts';

/** What building an image takes for a while: packages, their unpacked content and copies of it lie side by side. */
export function neededMiB({ expectedMiB }: Pick<ImageDefinition, 'expectedMiB'>): number {
  return Math.ceil(2.5 * expectedMiB);
}

/** Room on the disk of a folder, which need not exist yet. */
export function freeMiB(folder: string): number {
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  const { bavail, bsize } = statfsSync(existing);
  return Math.floor((bavail * bsize) / 1024 ** 2);
}
