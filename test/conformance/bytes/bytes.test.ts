import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createDiskBytes, createMemoryBytes } from '../../../src/stores/index.ts';
import { describeBytes } from './bytes.ts';

describeBytes('memory', async () => createMemoryBytes());

describeBytes('disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-bytes-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return createDiskBytes({ directory });
});
