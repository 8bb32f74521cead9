import { expect, test, vi } from 'vitest';
import { secretHash } from '../../core/index.ts';
import { type ApiKeyOptions, type ConfiguredKey, type FoundKey, keyLookup } from './api-keys.ts';

const plans = new Set(['default', 'small']);
const nothing = async () => undefined;
const apiKeyLookup = (options: ApiKeyOptions) => {
  const { find } = keyLookup(options);
  return (secret: string) => find(secretHash(secret));
};
const lookup = (configured: readonly ConfiguredKey[]) =>
  apiKeyLookup({ configured, findKey: nothing, plans, clock: () => 0 });

test("a named key's principal survives a renewed secret and another order", async () => {
  const before = lookup([
    { name: 'app', secret: 'old' },
    { name: 'other', secret: 'x' },
  ]);
  const after = lookup([
    { name: 'other', secret: 'x' },
    { name: 'app', secret: 'new' },
  ]);
  expect(await before('old')).toEqual({ id: 'key:name:app', tenant: 'key:name:app', name: 'app' });
  expect(await after('new')).toEqual(await before('old'));
  expect(await after('old')).toBeUndefined();
});

test("an unnamed key's principal depends on its secret alone and does not tell the kept hash", async () => {
  const principal = await lookup([
    { name: undefined, secret: 'a' },
    { name: undefined, secret: 'b' },
  ])('a');
  expect(await lookup([{ name: undefined, secret: 'a' }])('a')).toEqual(principal);
  expect(await lookup([{ name: undefined, secret: 'b' }])('b')).not.toEqual(principal);
  expect(JSON.stringify(principal)).not.toContain(secretHash('a').slice(0, 8));
});

test('a stored key is found by its hash and believed for seconds only', async () => {
  let now = 0;
  const live = new Map([[secretHash('s'), { id: 'abc', name: 'app', plan: null, isAdmin: false }]]);
  const findKey = vi.fn(async (hash: string) => live.get(hash));
  const find = apiKeyLookup({ configured: [], findKey, plans, clock: () => now });
  expect(await find('s')).toEqual({ id: 'key:abc', tenant: 'key:abc', name: 'app' });
  await find('s');
  expect(findKey).toHaveBeenCalledTimes(1);
  live.clear();
  now = 5000;
  expect(await find('s')).toBeUndefined();
});

test('a wrong secret is looked up each time, so a new key works at once', async () => {
  const live = new Map<string, FoundKey>();
  const find = apiKeyLookup({ configured: [], findKey: async (hash) => live.get(hash), plans, clock: () => 0 });
  expect(await find('s')).toBeUndefined();
  live.set(secretHash('s'), { id: 'abc', name: 'app', plan: null, isAdmin: false });
  expect(await find('s')).toBeDefined();
});

test('a store that fails is our fault, not a wrong key', async () => {
  const findKey = () => Promise.reject(new Error('disk'));
  const find = apiKeyLookup({ configured: [], findKey, plans, clock: () => 0 });
  await expect(find('s')).rejects.toMatchObject({ code: 'storage_unavailable' });
});

test('a key brings its plan', async () => {
  expect((await lookup([{ name: 'app', secret: 's', plan: 'small' }])('s'))!.plan).toBe('small');
  let plan = 'small';
  let now = 0;
  const findKey = async () => ({ id: 'abc', name: 'app', plan, isAdmin: false });
  const find = apiKeyLookup({ configured: [], findKey, plans, clock: () => now });
  expect((await find('s'))!.plan).toBe('small');
  plan = 'default';
  now += 5000;
  expect((await find('s'))!.plan).toBe('default');
});

test('a key whose plan came after the start is not let in with another', async () => {
  const findKey = async () => ({ id: 'abc', name: 'app', plan: 'newer', isAdmin: false });
  const find = apiKeyLookup({ configured: [], findKey, plans, clock: () => 0 });
  await expect(find('s')).rejects.toMatchObject({ code: 'internal' });
});

test('a key brings its rights, and a change that is told counts at once', async () => {
  expect((await lookup([{ name: 'ops', secret: 's', isAdmin: true }])('s'))!.isAdmin).toBe(true);
  expect((await lookup([{ name: 'app', secret: 's', isAdmin: false }])('s'))!.isAdmin).toBeUndefined();
  let key: FoundKey | undefined = { id: 'abc', name: 'ops', plan: null, isAdmin: true };
  const { find, forget } = keyLookup({ configured: [], findKey: async () => key, plans, clock: () => 0 });
  expect((await find(secretHash('s')))!.isAdmin).toBe(true);
  key = { ...key, isAdmin: false };
  forget();
  expect((await find(secretHash('s')))!.isAdmin).toBeUndefined();
  key = undefined;
  forget();
  expect(await find(secretHash('s'))).toBeUndefined();
});

test('what was read before a change is not believed after it', async () => {
  const reads = [Promise.withResolvers<FoundKey | undefined>(), Promise.withResolvers<FoundKey | undefined>()];
  let at = 0;
  const { find, forget } = keyLookup({ configured: [], findKey: () => reads[at++]!.promise, plans, clock: () => 0 });
  const found = find(secretHash('s'));
  forget();
  reads[0]!.resolve({ id: 'abc', name: 'app', plan: null, isAdmin: true });
  reads[1]!.resolve(undefined);
  expect(await found).toBeUndefined();
});
