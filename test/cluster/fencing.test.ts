import { Kvm } from '@nats-io/kv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerWorkers, type OwnQuestion, seatOf } from '../../src/cluster/index.ts';
import { newId } from '../../src/core/index.ts';
import { connectNats, localRunner, startClusterRunner, startWorkerService } from '../support/cluster-runner.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { hasNats, type NatsServer, startNats } from '../support/nats.ts';
import { ann, startSessions } from '../support/sessions.ts';

describe.skipIf(!hasNats())('a worker that gateways took for dead', () => {
  let engine: TestEngine;
  let nats: NatsServer;
  beforeAll(async () => {
    [engine, nats] = await Promise.all([startEngine(), startNats()]);
  });
  afterAll(() => Promise.all([engine?.close(), nats?.close()]));

  it('keeps the sessions that are still its own, and ends those that have moved', async () => {
    const { sessions, run, records } = await startSessions(engine, { nats: nats.url });
    const [own, moved] = await Promise.all([sessions.create(ann, {}), sessions.create(ann, {})]);
    await Promise.all([own, moved].map(({ id }) => run(id, 'x = 1')));
    const gateway = await connectNats(nats.url);
    const asked: OwnQuestion[] = [];
    answerWorkers<OwnQuestion, string[]>(gateway, 'own', { perSecond: 1, atOnce: 3 }, async (question) => {
      asked.push(question);
      return [own.id];
    });
    await gateway.nats.flush();
    const { worker } = (await records.sessions.find(own.id))!;
    await (await new Kvm(gateway.nats).open('dg_workers')).delete(seatOf(worker!));
    await eventually(() => expect(asked).toHaveLength(1));
    expect(asked[0]).toMatchObject({ worker, sessions: expect.arrayContaining([{ id: own.id, epoch: 1 }]) });
    await eventually(async () => expect((await run(own.id, 'x')).continuity).toBe('continued'));
    expect((await run(moved.id, '1')).continuity).toBe('restored');
  });

  it('is not asked what an earlier process of its name was asked', async () => {
    const { runner, workers } = await startClusterRunner(nats.url);
    await startWorkerService(nats.url, (worker, events) => localRunner(engine, worker, events));
    await workers.some(5000);
    const [lease] = workers.all();
    const earlier = `${seatOf(lease!.worker)}.${newId()}`;
    const gateway = await connectNats(nats.url);
    const question = { to: earlier, call: newId(), args: { id: newId(), epoch: 1, worker: earlier } };
    const reply = await gateway.request(
      `dg.w.${seatOf(earlier)}.close`,
      Buffer.from(JSON.stringify({ v: 1, ...question })),
      2000,
    );
    expect(JSON.parse(Buffer.from(reply).toString())).toEqual({ v: 1, refused: 'gone' });
    await expect(runner.sessions([{ id: newId(), epoch: 1, worker: earlier }])).resolves.toEqual([]);
  });

  it('has a name of its own: a second worker of the name does not start', async () => {
    await startClusterRunner(nats.url);
    const { service } = await startWorkerService(nats.url, (worker, events) => localRunner(engine, worker, events), {
      seat: 'twin',
    });
    await expect(
      startWorkerService(nats.url, (worker, events) => localRunner(engine, worker, events), {
        seat: 'twin',
        seatWaitMs: 0,
      }),
    ).rejects.toThrow('Another worker runs under the name twin');
    expect(service.isDraining).toBe(false);
  });
});
