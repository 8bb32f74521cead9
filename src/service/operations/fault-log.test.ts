import { expect, test } from 'vitest';
import { FaultLog } from './fault-log.ts';

const fault = (status: number, requestId: string) => ({
  ...{ at: 1, method: 'POST', route: '/exec', status, code: 'internal', requestId, caller: 'app' },
});
const ids = (faults: readonly { requestId: string }[]) => faults.map(({ requestId }) => requestId);

test('tells failures and refusals apart, newest first', () => {
  const log = new FaultLog();
  const share = { tenant: 't', id: 'a' };
  log.note(fault(503, 'one'), share);
  log.note(fault(403, 'two'), share);
  log.note(fault(500, 'three'), share);
  expect(ids(log.list('failed', 9))).toEqual(['three', 'one']);
  expect(ids(log.list('failed', 1))).toEqual(['three']);
  expect(ids(log.list('refused', 9))).toEqual(['two']);
});

test('a flood of one caller drops its own alone', () => {
  const log = new FaultLog();
  log.note(fault(500, 'of another'), { tenant: 't', id: 'b' });
  for (let at = 0; at < 1000; at++) log.note(fault(500, `flood ${at}`), { tenant: 't', id: 'a' });
  const kept = ids(log.list('failed', 1000));
  expect(kept).toHaveLength(300);
  expect(kept).toContain('of another');
  expect(kept[0]).toBe('flood 999');
});
