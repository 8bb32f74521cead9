import { expect, it } from 'vitest';
import { memoryRecords } from '../../../test/support/records.ts';
import { silent } from '../../../test/support/silent.ts';
import { GatewayCount } from './gateway-count.ts';

it('gateways count each other from their start until they are closed, or some seconds after they died', async () => {
  const { leases } = memoryRecords();
  let now = 1_000_000;
  const gateway = async () => {
    const count = new GatewayCount({ leases, logger: silent, now: () => now });
    await count.start();
    return count;
  };
  const first = await gateway();
  const second = await gateway();
  expect([first.current, second.current]).toEqual([1, 2]);
  await first.close();
  await second.close();
  const third = await gateway();
  expect(third.current).toBe(1);
  now += 10_000;
  // The third one did not say in time that it lives.
  const fourth = await gateway();
  expect(fourth.current).toBe(1);
  await third.close();
  await fourth.close();
});
