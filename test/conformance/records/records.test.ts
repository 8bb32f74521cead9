import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createMemoryCatalogue, createSqliteCatalogue } from '../../../src/stores/index.ts';
import { describeCatalogue } from './records.ts';

describeCatalogue('memory', async () => createMemoryCatalogue());

describeCatalogue('sqlite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-catalogue-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return createSqliteCatalogue({ path: join(directory, 'catalogue.db') });
});
