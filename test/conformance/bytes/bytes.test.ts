import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createDiskFileStore, createMemoryFileStore } from '../../../src/stores/index.ts';
import { describeFileStore } from './bytes.ts';

describeFileStore('memory', async () => createMemoryFileStore());

describeFileStore('disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-files-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return createDiskFileStore({ directory });
});
