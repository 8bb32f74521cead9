import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createSqliteRecords } from '../../../src/stores/index.ts';
import { describeRecords } from './records.ts';

describeRecords('sqlite in memory', async () => createSqliteRecords({ path: ':memory:' }));

describeRecords('sqlite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-records-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return createSqliteRecords({ path: join(directory, 'records.db') });
});
