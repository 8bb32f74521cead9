import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Follower } from '../../src/cluster/log/follower.ts';
import { newId } from '../../src/core/index.ts';
import { memoryJobLog } from '../../src/runner/index.ts';
import { connectTo, startLaneGateway } from '../support/lane.ts';
import { hasNats, type NatsServer, startNats } from '../support/nats.ts';
import { silent } from '../support/silent.ts';

describe.skipIf(!hasNats())('who follows the log of a job', () => {
  let nats: NatsServer;
  beforeAll(async () => {
    nats = await startNats();
  });
  afterAll(() => nats?.close());

  it('rests when the job ends while the log is read', async () => {
    await startLaneGateway(nats.url);
    const job = { id: newId(), owner: 'ann' };
    const writer = memoryJobLog().create({ tenant: '', principalId: job.owner, id: job.id });
    const connection = await connectTo(nats.url);
    const follower = new Follower({ connection, job, writer, onEnd() {}, onFlood() {}, logger: silent });
    const first = follower.look();
    // Its question is on its way, and not yet answered.
    await Promise.resolve();
    follower.end();
    await Promise.all([first, follower.look()]);
    // A follower that goes on without rest lets no other work of the process have a turn.
    await turn();
    expect(follower.isOver).toBe(true);
  });
});
