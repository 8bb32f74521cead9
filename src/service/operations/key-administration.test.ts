import { beforeEach, describe, expect, test } from 'vitest';
import { memoryRecords } from '../../../test/support/records.ts';
import { ApiKeys } from '../keys/keys.ts';
import { KeyAdministration } from './key-administration.ts';

let keys: ApiKeys;
let changes: number;
let log: object[];
const actor = { name: 'ops' };

function administration(configured: readonly { id: string; tenant: string; name: string; isAdmin?: true }[] = []) {
  const info = (fields: object, message?: string) => void log.push({ ...fields, message });
  const logger = { debug() {}, info, warn() {}, error() {} };
  return new KeyAdministration({
    keys,
    configured,
    plans: new Map([
      ['default', {}],
      ['small', {}],
    ]) as never,
    changed: () => changes++,
    logger,
  });
}

beforeEach(() => {
  let now = 0;
  keys = new ApiKeys(memoryRecords().keys, new Set(['default', 'small']), () => now++);
  changes = 0;
  log = [];
});

test('lists the keys of the configuration, then the newest, with the principals they are', async () => {
  const { key: old } = await keys.create('old');
  const { key } = await keys.create('new', { isAdmin: true });
  const all = await administration([{ id: 'key:name:app', tenant: 'key:name:app', name: 'app' }]).all();
  expect(all).toMatchObject([
    { id: 'name:app', name: 'app', principalId: 'key:name:app', source: 'configuration', isAdmin: false },
    { id: key.id, principalId: `key:${key.id}`, source: 'data directory', isAdmin: true },
    { id: old.id, isAdmin: false },
  ]);
});

test('makes, changes and revokes keys; each change is logged with its actor and told', async () => {
  const all = administration();
  const { key, secret } = await all.create(actor, 'app', { plan: 'small' });
  expect(secret).toMatch(/^dgm_/);
  expect(await all.update(actor, key.id, { plan: 'default', isAdmin: true })).toMatchObject({
    plan: 'default',
    isAdmin: true,
  });
  await all.create(actor, 'second', { isAdmin: true });
  await all.revoke(actor, key.id);
  expect((await keys.list())[0]!.revokedAt).not.toBeNull();
  expect(changes).toBe(4);
  expect(log).toMatchObject([
    { operator: 'ops', keyId: key.id, message: 'an operator made a key' },
    { operator: 'ops', message: 'an operator changed a key' },
    { message: 'an operator made a key' },
    { operator: 'ops', name: 'app', message: 'an operator revoked a key' },
  ]);
  expect(JSON.stringify(log)).not.toContain(secret);
});

test('changes live keys of the data directory alone', async () => {
  const all = administration([{ id: 'key:name:app', tenant: 'key:name:app', name: 'app', isAdmin: true }]);
  const { key } = await keys.create('old');
  await keys.revoke('old');
  await expect(all.revoke(actor, key.id)).rejects.toMatchObject({ code: 'not_found' });
  await expect(all.update(actor, 'old', { isAdmin: true })).rejects.toMatchObject({ code: 'not_found' });
  await expect(all.revoke(actor, 'name:app')).rejects.toMatchObject({ code: 'conflict' });
  await expect(all.create(actor, 'x', { plan: 'large' })).rejects.toMatchObject({ code: 'invalid_request' });
});

describe('the last key with the right admin', () => {
  test('stays, also where two changes come at once', async () => {
    const all = administration();
    const { key: one } = await keys.create('one', { isAdmin: true });
    const { key: two } = await keys.create('two', { isAdmin: true });
    const results = await Promise.allSettled([
      all.revoke(actor, one.id),
      all.update(actor, two.id, { isAdmin: false }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    await expect(all.revoke(actor, two.id)).rejects.toMatchObject({ code: 'conflict' });
    await all.update(actor, two.id, { isAdmin: true, plan: 'small' });
  });

  test('may go where the configuration has another', async () => {
    const all = administration([{ id: 'key:name:ops', tenant: 'key:name:ops', name: 'ops', isAdmin: true }]);
    const { key } = await keys.create('one', { isAdmin: true });
    await all.revoke(actor, key.id);
  });
});
