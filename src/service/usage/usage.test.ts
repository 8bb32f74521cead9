import { beforeEach, expect, it, vi } from 'vitest';
import { memoryRecords } from '../../../test/support/records.ts';
import { DragomanError } from '../../core/index.ts';
import type { UsageRecords } from '../../stores/index.ts';
import { UsageLedger } from './usage.ts';

const day = 24 * 3_600_000;
const ann = { id: 'ann', tenant: 't' };
const none = { executions: 0, cpuMs: 0, wallMs: 0, bytesStored: 0, bytesServed: 0 };

let now: number;
let records: UsageRecords;
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const ledger = () => new UsageLedger({ records, logger, now: () => now });

beforeEach(() => {
  now = Date.UTC(2026, 0, 31, 23, 59);
  records = memoryRecords().usage;
});

it('adds up by day and principal', async () => {
  const usage = ledger();
  usage.record(ann, { executions: 1, cpuMs: 5, wallMs: 9 });
  usage.record(ann, { bytesStored: 10 });
  usage.record({ ...ann, id: 'bob' }, { executions: 7 });
  now += day;
  usage.record(ann, { executions: 2 });
  expect(await usage.days(ann, '2026-01-01', '2026-12-31')).toEqual([
    { date: '2026-01-31', ...none, executions: 1, cpuMs: 5, wallMs: 9, bytesStored: 10 },
    { date: '2026-02-01', ...none, executions: 2 },
  ]);
  expect(await usage.days(ann, '2026-02-01', '2026-02-01')).toHaveLength(1);
  expect(await usage.days({ ...ann, tenant: 'other' }, '2026-01-01', '2026-12-31')).toEqual([]);
});

it('goes on where the last process ended', async () => {
  const first = ledger();
  first.record(ann, { executions: 1 });
  await first.close();
  const second = ledger();
  second.record(ann, { executions: 2 });
  expect(await second.days(ann, '2026-01-31', '2026-01-31')).toEqual([{ date: '2026-01-31', ...none, executions: 3 }]);
});

it('writes once for many requests', async () => {
  const put = vi.spyOn(records, 'add');
  const usage = ledger();
  for (let n = 0; n < 1000; n++) usage.record(ann, { executions: 1 });
  await Promise.all([usage.flush(), usage.flush()]);
  expect(put).toHaveBeenCalledTimes(1);
});

it('keeps what could not be written', async () => {
  const put = vi.spyOn(records, 'add').mockRejectedValue(new DragomanError('storage_unavailable'));
  const usage = ledger();
  usage.record(ann, { executions: 1 });
  usage.record({ ...ann, id: 'bob' }, { executions: 5 });
  await expect(usage.flush()).rejects.toMatchObject({ code: 'storage_unavailable' });
  put.mockRestore();
  usage.record(ann, { executions: 1 });
  expect((await usage.days(ann, '2026-01-31', '2026-01-31'))[0]).toMatchObject({ executions: 2 });
});

it('forgets days of more than a year ago', async () => {
  const usage = ledger();
  usage.record(ann, { executions: 1 });
  await usage.flush();
  now += 399 * day;
  usage.record(ann, { executions: 2 });
  expect(await usage.days(ann, '2026-01-01', '2030-12-31')).toHaveLength(2);
  now += 2 * day;
  usage.record(ann, { executions: 3 });
  expect((await usage.days(ann, '2026-01-01', '2030-12-31')).map(({ executions }) => executions)).toEqual([2, 3]);
});
