import { Command } from 'commander';
import { beforeEach, expect, test } from 'vitest';
import { memoryRecords } from '../../test/support/records.ts';
import { ApiKeys } from '../service/index.ts';
import type { KeyRecords } from '../stores/index.ts';
import { addKeyCommands } from './keys.ts';

let records: KeyRecords;
let now: number;
let printed: string[];
let closed: number;

async function run(...args: string[]): Promise<void> {
  const keys = new ApiKeys(records, new Set(['default', 'small']), () => now++);
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addKeyCommands(program, {
    withKeys: (use) => use(keys).finally(() => closed++),
    print: (line) => printed.push(line),
  });
  await program.parseAsync(args, { from: 'user' });
}

beforeEach(() => {
  records = memoryRecords().keys;
  now = 0;
  printed = [];
  closed = 0;
});

test('create prints the secret and nothing else', async () => {
  await run('keys', 'create', 'app');
  expect(printed).toEqual([expect.stringMatching(/^dgm_/)]);
  expect(closed).toBe(1);
});

test('list shows state but no hash', async () => {
  await run('keys', 'list');
  await run('keys', 'create', 'app');
  await run('keys', 'revoke', 'app');
  await run('keys', 'create', 'app');
  printed.length = 0;
  await run('keys', 'list');
  const [first, second] = await records.list();
  expect(printed).toEqual([
    `${first!.id}  1970-01-01T00:00:00.000Z  app  default  use  revoked 1970-01-01T00:00:00.001Z`,
    `${second!.id}  1970-01-01T00:00:00.002Z  app  default  use  live`,
  ]);
  printed.length = 0;
  await run('keys', 'list', '--json');
  expect(Object.keys(JSON.parse(printed[0]!)[0])).toEqual(['id', 'name', 'plan', 'rights', 'createdAt', 'revokedAt']);
});

test('create and plan choose a plan, list shows it', async () => {
  await run('keys', 'create', 'app', '--plan', 'small');
  await run('keys', 'list');
  await run('keys', 'plan', 'app', 'default');
  await run('keys', 'list');
  expect(printed.slice(1)).toEqual([
    expect.stringMatching(/app {2}small {2}use {2}live$/),
    'app has the plan default.',
    expect.stringMatching(/app {2}default {2}use {2}live$/),
  ]);
  await expect(run('keys', 'create', 'other', '--plan', 'large')).rejects.toThrow('There is no plan large');
  await expect(run('keys', 'plan', 'nobody', 'small')).rejects.toThrow('No live key');
});

test('create and rights choose rights, list shows them', async () => {
  await run('keys', 'create', 'ops', '--admin', '--json');
  expect(JSON.parse(printed[0]!).rights).toEqual(['use', 'admin']);
  await run('keys', 'rights', 'ops', 'use');
  await run('keys', 'list');
  await run('keys', 'rights', 'ops', 'admin');
  await run('keys', 'list');
  expect(printed.slice(1)).toEqual([
    'ops has the rights use.',
    expect.stringMatching(/ops {2}default {2}use {2}live$/),
    'ops has the rights use, admin.',
    expect.stringMatching(/ops {2}default {2}admin {2}live$/),
  ]);
  await expect(run('keys', 'rights', 'ops', 'all')).rejects.toThrow('Allowed choices are use, admin');
});

test('faults reach the caller after the keys are closed', async () => {
  await expect(run('keys', 'revoke', 'nobody')).rejects.toThrow('No live key');
  await expect(run('keys', 'create', 'bad name')).rejects.toThrow('A key name');
  await expect(run('keys', 'create')).rejects.toThrow('missing required argument');
  expect(closed).toBe(2);
});
