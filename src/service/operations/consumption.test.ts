import { beforeEach, expect, test } from 'vitest';
import { memoryRecords } from '../../../test/support/records.ts';
import type { Records, UsageAmounts } from '../../stores/index.ts';
import { Consumption } from './consumption.ts';

let records: Records;
let now: number;
let flushes: number;
let consumption: Consumption;
const none: UsageAmounts = { executions: 0, cpuMs: 0, wallMs: 0, bytesStored: 0, bytesServed: 0 };

beforeEach(() => {
  records = memoryRecords();
  now = Date.UTC(2026, 0, 3, 12);
  flushes = 0;
  const usage = { flush: async () => void flushes++ };
  consumption = new Consumption({ records, usage, now: () => now });
});

test('use is summed by day and owner over all pages, the greatest first', async () => {
  const owners = Array.from({ length: 600 }, (_, at) => ({ tenant: 't', id: `o${at}` }));
  for (const date of ['2026-01-01', '2026-01-02', '2026-01-03'])
    await records.usage.add(owners.map((owner, at) => ({ ...none, owner, date, executions: 1, cpuMs: at })));
  const use = await consumption.usage(2, 2);
  expect(use).toMatchObject({ from: '2026-01-02', to: '2026-01-03', others: 598, total: { executions: 1200 } });
  expect([...use.days].map(([date, { executions }]) => [date, executions])).toEqual([
    ['2026-01-02', 600],
    ['2026-01-03', 600],
  ]);
  expect(use.owners.map(({ owner, total }) => [owner.id, total.cpuMs])).toEqual([
    ['o599', 1198],
    ['o598', 1196],
  ]);
  expect(flushes).toBe(1);
});

test('one reading serves all who ask for some seconds', async () => {
  await Promise.all([consumption.usage(30, 5), consumption.usage(30, 9), consumption.usage(30, 5)]);
  expect(flushes).toBe(1);
  now += 20_000;
  await consumption.usage(30, 5);
  expect(flushes).toBe(2);
});

test('a reading that failed is made again', async () => {
  const failing = { ...records, usage: { ...records.usage, page: () => Promise.reject(new Error('disk')) } };
  let isBroken = true;
  const patched = new Consumption({
    records: {
      ...records,
      usage: new Proxy(records.usage, {
        get: (of, name) => (isBroken && name === 'page' ? failing.usage.page : Reflect.get(of, name).bind(of)),
      }),
    },
    usage: { flush: async () => {} },
    now: () => now,
  });
  await expect(patched.usage(30, 5)).rejects.toThrow('disk');
  isBroken = false;
  expect(await patched.usage(30, 5)).toMatchObject({ owners: [] });
});
