import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memoryRecords } from '../../../test/support/records.ts';
import { isId, secretHash } from '../../core/index.ts';
import type { KeyRecords } from '../../stores/index.ts';
import { ApiKeys } from './keys.ts';

let now = 1000;
let records: KeyRecords;
let keys: ApiKeys;
let directory: string;

beforeEach(async () => {
  records = memoryRecords().keys;
  keys = new ApiKeys(records, new Set(['default', 'small']), () => now++);
  directory = await mkdtemp(join(tmpdir(), 'keys-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('ApiKeys', () => {
  test('a new key has a secret of 256 bits, of which only the hash is kept', async () => {
    const { key, secret } = await keys.create('app');
    expect(secret).toMatch(/^dgm_[A-Za-z0-9_-]{43}$/);
    expect(isId(key.id)).toBe(true);
    expect(await records.list()).toEqual([
      {
        id: key.id,
        name: 'app',
        hash: secretHash(secret),
        plan: null,
        isAdmin: false,
        createdAt: now - 1,
        revokedAt: null,
      },
    ]);
    expect((await keys.create('other')).secret).not.toBe(secret);
  });

  test.each(['', 'a b', 'a'.repeat(65), 'a/b', 'ä', 'a:b'])('refuses the name %j', async (name) => {
    await expect(keys.create(name)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await records.list()).toEqual([]);
  });

  test('a name is free again once its key is revoked', async () => {
    await keys.create('app');
    await expect(keys.create('app')).rejects.toMatchObject({ code: 'invalid_request' });
    await keys.revoke('app');
    await keys.create('app');
    expect((await keys.list()).map((key) => key.revokedAt === null)).toEqual([false, true]);
  });

  test('revokes by name or id, and says when there is nothing to revoke', async () => {
    const { key } = await keys.create('app');
    await keys.revoke(key.id);
    await expect(keys.revoke('app')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('plans', () => {
  test('only those that exist can be given', async () => {
    await keys.create('app', { plan: 'small' });
    expect(await records.list()).toMatchObject([{ plan: 'small' }]);
    await keys.setPlan('app', 'default');
    expect(await records.list()).toMatchObject([{ plan: 'default' }]);
    for (const attempt of [keys.create('other', { plan: 'large' }), keys.setPlan('app', 'large')])
      await expect(attempt).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(keys.setPlan('nobody', 'small')).rejects.toMatchObject({ code: 'not_found' });
    expect(await records.list()).toMatchObject([{ plan: 'default' }]);
  });

  test('a live key with a plan that is gone is found out', async () => {
    const { key } = await keys.create('app', { plan: 'small' });
    await keys.checkPlans();
    const later = new ApiKeys(records, new Set(['default']), () => now++);
    await expect(later.checkPlans()).rejects.toThrow('The key app has the plan small');
    await later.revoke(key.id);
    await later.checkPlans();
  });
});

describe('the right admin', () => {
  test('is given and taken', async () => {
    await keys.create('app');
    const { key } = await keys.create('ops', { isAdmin: true });
    const rights = async () => (await records.list()).map(({ isAdmin }) => isAdmin);
    expect(await rights()).toEqual([false, true]);
    await keys.setAdmin('app', true);
    await keys.setAdmin(key.id, false);
    expect(await rights()).toEqual([true, false]);
    await expect(keys.setAdmin('missing', true)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('the first key', () => {
  test('is written for its owner alone', async () => {
    const dataDir = join(directory, 'deep', 'data');
    const first = await keys.createFirst(dataDir);
    expect(first!.path).toBe(join(dataDir, 'api-key'));
    expect(await readFile(first!.path, 'utf8')).toBe(`${first!.secret}\n`);
    expect((await stat(first!.path)).mode & 0o777).toBe(0o600);
    expect(await records.list()).toMatchObject([{ name: 'default', hash: secretHash(first!.secret), isAdmin: true }]);
  });

  test('is made once, also when it was revoked', async () => {
    await keys.createFirst(directory);
    expect(await keys.createFirst(directory)).toBeUndefined();
    await keys.revoke('default');
    expect(await keys.createFirst(directory)).toBeUndefined();
  });

  test('replaces what is in its place instead of writing through it', async () => {
    const elsewhere = join(directory, 'elsewhere');
    await writeFile(elsewhere, 'mine');
    await symlink(elsewhere, join(directory, 'api-key'));
    await symlink(elsewhere, join(directory, 'api-key.new'));
    const first = await keys.createFirst(directory);
    expect(await readFile(elsewhere, 'utf8')).toBe('mine');
    expect(await readFile(first!.path, 'utf8')).toContain('dgm_');
  });
});
