import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createSqliteRecords } from '../../../src/stores/index.ts';
import { describeRecords } from './records.ts';
import { describeSessions } from './sessions.ts';
import { describeStates } from './states.ts';

async function newPath(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-records-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'records.db');
}

const documentBytes = 10_000;
describeRecords('sqlite in memory', async () => createSqliteRecords({ path: ':memory:' }));
describeRecords('sqlite', async () => createSqliteRecords({ path: await newPath() }));
describeStates('sqlite in memory', async () => createSqliteRecords({ path: ':memory:' }));
describeStates('sqlite', async () => createSqliteRecords({ path: await newPath() }));
describeSessions('sqlite in memory', async () => createSqliteRecords({ path: ':memory:', documentBytes }));
describeSessions('sqlite', async () => createSqliteRecords({ path: await newPath(), documentBytes }));
