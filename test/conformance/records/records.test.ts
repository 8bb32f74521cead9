import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createSqliteRecords } from '../../../src/stores/index.ts';
import { describeRecords } from './records.ts';
import { describeSessions } from './sessions.ts';

async function onDisk(documentBytes?: number) {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-records-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return createSqliteRecords({ path: join(directory, 'records.db'), documentBytes });
}

describeRecords('sqlite in memory', async () => createSqliteRecords({ path: ':memory:' }));
describeRecords('sqlite', () => onDisk());
describeSessions('sqlite in memory', async () => createSqliteRecords({ path: ':memory:', documentBytes: 10_000 }));
describeSessions('sqlite', () => onDisk(10_000));
