import { describe, expect, it } from 'vitest';
import { FairStore, type FairStoreOptions } from './fair-store.ts';

const key = (principalId: string, id: string, tenant = 't') => ({ tenant, principalId, id });

function store(options: Partial<FairStoreOptions<string>> = {}): FairStore<string> {
  return new FairStore({ maxEntries: 100, maxBytes: 1000, ttlMs: 1000, ...options });
}

describe('a fair store', () => {
  it('returns what was set, and replaces it under the same key', () => {
    const values = store();
    values.set(key('ann', '1'), 'old', 10);
    values.set(key('ann', '1'), 'new', 20);
    expect(values.get(key('ann', '1'))).toBe('new');
    expect([values.size, values.bytes]).toEqual([1, 20]);
  });

  it('keeps principals and tenants apart', () => {
    const values = store();
    values.set(key('ann', '1'), 'hers', 1);
    expect(values.get(key('bob', '1'))).toBeUndefined();
    expect(values.get(key('ann', '1', 'other'))).toBeUndefined();
    // A separator within an id must not make two owners one.
    values.set({ tenant: 'a b', principalId: 'c', id: '1' }, 'x', 1);
    expect(values.get({ tenant: 'a', principalId: 'b c', id: '1' })).toBeUndefined();
  });

  it('drops the oldest value of the principal with the most bytes', () => {
    const values = store({ maxBytes: 100 });
    values.set(key('bob', 'only'), 'his', 30);
    for (let i = 0; i < 50; i++) values.set(key('ann', String(i)), 'hers', 10);
    expect(values.get(key('bob', 'only'))).toBe('his');
    expect(values.get(key('ann', '42'))).toBeUndefined();
    expect(values.get(key('ann', '43'))).toBe('hers');
    expect(values.bytes).toBe(100);
  });

  it('drops the oldest value of the principal with the most values', () => {
    const values = store({ maxEntries: 3 });
    values.set(key('bob', 'only'), 'his', 0);
    for (let i = 0; i < 50; i++) values.set(key('ann', String(i)), 'hers', 0);
    expect([...values.values()]).toEqual(['his', 'hers', 'hers']);
  });

  it('does not keep a value that alone is too large, and drops no other principal for it', () => {
    const values = store({ maxBytes: 100 });
    values.set(key('bob', '1'), 'his', 60);
    values.set(key('ann', '1'), 'hers', 101);
    expect(values.get(key('ann', '1'))).toBeUndefined();
    expect(values.get(key('bob', '1'))).toBe('his');
  });

  it('drops a value when its time is over', () => {
    let now = 0;
    const values = store({ ttlMs: 10, now: () => now });
    values.set(key('ann', '1'), 'first', 5);
    now = 9;
    values.set(key('ann', '2'), 'second', 5);
    expect(values.get(key('ann', '1'))).toBe('first');
    now = 10;
    expect(values.get(key('ann', '1'))).toBeUndefined();
    expect([values.size, values.bytes]).toEqual([1, 5]);
  });

  it('tells of each value it drops for room or time, and of no other', () => {
    let now = 0;
    const dropped: string[] = [];
    const values = store({ maxEntries: 2, ttlMs: 10, now: () => now, onDrop: (value) => dropped.push(value) });
    for (const id of ['1', '2', '3']) values.set(key('ann', id), id, 0);
    values.set(key('ann', '2'), 'again', 0);
    values.delete(key('ann', '3'));
    expect(dropped).toEqual(['1']);
    now = 10;
    values.dropExpired();
    expect(dropped).toEqual(['1', 'again']);
  });

  it('returns what it deletes', () => {
    const values = store();
    values.set(key('ann', '1'), 'hers', 5);
    expect(values.delete(key('ann', '1'))).toBe('hers');
    expect(values.delete(key('ann', '1'))).toBeUndefined();
    expect([values.size, values.bytes]).toEqual([0, 0]);
  });
});
