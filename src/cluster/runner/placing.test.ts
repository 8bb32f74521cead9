import { expect, it } from 'vitest';
import type { Tier } from '../../core/index.ts';
import type { WorkerLease } from '../leases/lease.ts';
import { Placing } from './placing.ts';

const lease = (worker: string, tiers: readonly Tier[], more: Partial<WorkerLease> = {}): WorkerLease => ({
  ...{ worker, startedAt: 0, version: '0', image: 'x', draining: false, places: 4, running: 0 },
  ...{ maxSessions: 4, sessions: 0, memory: 1e9 },
  tiers: tiers.map((tier) => ({ tier, fault: null })),
  ...more,
});

const placing = (...leases: WorkerLease[]) =>
  new Placing({
    all: () => leases,
    find: (worker: string) => leases.find((each) => each.worker === worker),
    some: async () => {},
  } as never);

it('chooses a worker of the tier, and of no other', async () => {
  const workers = placing(
    lease('a.1', ['namespaces']),
    lease('b.1', ['namespaces', 'gvisor']),
    lease('c.1', ['gvisor']),
  );
  for (let n = 0; n < 20; n++) expect(['b.1', 'c.1']).toContain(await workers.choose(null, 'gvisor'));
  // A session stays with its worker only where that has its tier.
  expect(await workers.choose('c.1', 'gvisor')).toBe('c.1');
  expect(['b.1', 'c.1']).toContain(await workers.choose('a.1', 'gvisor'));
});

it('refuses a tier that no worker has, or one that could not be set up, in words', async () => {
  const broken = lease('a.1', [], { tiers: [{ tier: 'gvisor', fault: 'no runsc' }] });
  await expect(placing(broken).choose(null, 'gvisor')).rejects.toMatchObject({
    code: 'sandbox_unavailable',
    retryable: false,
    message: 'No worker has the isolation gvisor.',
  });
  await expect(placing(lease('a.1', ['gvisor'], { draining: true })).choose(null, 'gvisor')).rejects.toMatchObject({
    code: 'overloaded',
  });
});
