import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { doneConsumer, doneStream, runStream } from '../../src/cluster/subjects.ts';
import { said } from '../support/cell-result.ts';
import { allEvents, connectTo, laneJob, startLaneGateway, startLaneWorker } from '../support/lane.ts';
import { hasNats, type NatsServer, startNats } from '../support/nats.ts';
import type { Script } from '../support/scripted-runner.ts';

const hello: Script = async (own) => {
  own.print(`hello ${own.job.code}`);
  return undefined;
};
/** Goes on until it is cancelled. */
const forEver: Script = async (own) => {
  own.print('on');
  await own.interrupted;
  return undefined;
};

describe.skipIf(!hasNats())('the shared queue of jobs', () => {
  let nats: NatsServer;
  beforeAll(async () => {
    nats = await startNats();
  });
  afterAll(() => nats?.close());
  beforeEach(async () => {
    // What a test leaves in the queue is taken by workers of the next one, which find its log ended.
    const { streams } = await jetstreamManager((await connectTo(nats.url)).nats);
    await streams.purge(runStream).catch(() => {});
  });
  const queued = async () => {
    const { streams } = await jetstreamManager((await connectTo(nats.url)).nats);
    return (await streams.info(runStream)).state.messages;
  };
  const until = (check: () => unknown) => vi.waitFor(check, { timeout: 15_000, interval: 50 });

  it('runs a job on a worker, tells its events by number to every gateway, and frees its slot', async () => {
    const one = await startLaneGateway(nats.url);
    const two = await startLaneGateway(nats.url);
    const worker = await startLaneWorker(nats.url, 'w1', hello);
    const job = laneJob({ code: 'x' });
    await one.lane.submit(job);
    const events = await allEvents(one.logs.events(job, 0));
    expect(events.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(events.map(({ event }) => event)).toMatchObject([
      { type: 'started', worker: worker.worker },
      { type: 'stdout', text: 'hello x' },
      { type: 'ended', result: { outcome: 'completed' } },
    ]);
    expect(await allEvents(two.logs.events(job, 1))).toEqual(events.slice(1));
    expect(await allEvents(two.logs.events({ ...job, owner: 'another' }, 0))).toEqual([]);
    await expect(one.lane.submit(job)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('gives a job to a worker of its tier alone, however free the others are', async () => {
    const { lane, logs } = await startLaneGateway(nats.url);
    const weak = await startLaneWorker(nats.url, 'w4', hello, 8, undefined, ['namespaces']);
    const strong = await startLaneWorker(nats.url, 'w5', hello, 2, undefined, ['gvisor', 'microvm']);
    const kinds = ['gvisor', 'namespaces', 'microvm', 'gvisor'] as const;
    const jobs = Array.from({ length: 16 }, (_, index) => laneJob({ tier: kinds[index % 4]! }));
    for (const job of jobs) await lane.submit(job);
    for (const job of jobs) {
      const [started] = await allEvents(logs.events(job, 0));
      const { worker } = job.tier === 'namespaces' ? weak : strong;
      expect({ tier: job.tier, ...started!.event }).toMatchObject({ tier: job.tier, type: 'started', worker });
    }
  });

  it('leaves a job of a tier that no worker has where it is, and its gateway takes it back', async () => {
    const { lane, logs } = await startLaneGateway(nats.url);
    await startLaneWorker(nats.url, 'w6', hello, 8, undefined, ['namespaces']);
    const job = laneJob({ tier: 'microvm', deadline: Date.now() + 500 });
    await lane.submit(job);
    const events = await allEvents(logs.events(job, 0));
    expect(events.map(({ event }) => event)).toMatchObject([{ type: 'failed', error: { code: 'overloaded' } }]);
  });

  it('tells of events while the job runs, to those who come late and leave early too', async () => {
    const { lane, logs } = await startLaneGateway(nats.url);
    const other = await startLaneGateway(nats.url);
    await startLaneWorker(nats.url, 'w2', async (own) => {
      for (let i = 0; i < 50; i++) own.print(`${i} `);
      await own.interrupted;
      own.print('end');
      return undefined;
    });
    const job = laneJob();
    await lane.submit(job);
    const leave = new AbortController();
    const seen: number[] = [];
    for await (const { number } of other.logs.events(job, 10, leave.signal)) {
      seen.push(number);
      if (number === 51) leave.abort();
    }
    expect(seen).toEqual(Array.from({ length: 41 }, (_, index) => index + 11));
    expect(await other.logs.workerOf(job.id)).toMatch(/^w2\./);
    expect(await logs.workerOf(job.id)).toMatch(/^w2\./);
  });

  it('carries an event that is larger than a message', async () => {
    const { lane, logs } = await startLaneGateway(nats.url);
    const text = 'ä'.repeat(700_000);
    await startLaneWorker(nats.url, 'w3', async () => ({ stdout: said(text) }));
    const job = laneJob();
    await lane.submit(job);
    const last = (await allEvents(logs.events(job, 0))).at(-1)!.event;
    expect(last.type === 'ended' && last.result.stdout.text === text).toBe(true);
    expect(lane.takes(laneJob({ code: text }))).toBe(false);
  });

  it('lets one of three rivals begin a job', async () => {
    const { logs } = await startLaneGateway(nats.url);
    const job = laneJob();
    logs.follow(job);
    const rivals = await Promise.all(['r1', 'r2', 'r3'].map((seat) => startLaneWorker(nats.url, seat, hello, 0)));
    const won = await Promise.all(rivals.map(({ log }) => log.claim(job)));
    expect(won.filter(Boolean)).toHaveLength(1);
    // One that asks again, as after a lost answer, has not won what it did not win.
    for (const [index, { log }] of rivals.entries()) if (!won[index]) expect(await log.claim(job)).toBe(false);
    const winner = rivals[won.indexOf(true)]!;
    await winner.runner.submit(job);
    const events = await allEvents(logs.events(job, 0));
    expect(events.filter(({ event }) => event.type === 'started')).toEqual([
      { number: 1, event: { type: 'started', worker: winner.worker } },
    ]);
    expect(events.at(-1)!.event.type).toBe('ended');
  });

  it('makes a job ready while its log is won, runs none of it before, and ends it where another process won', async () => {
    const { logs } = await startLaneGateway(nats.url);
    for (const isWon of [true, false]) {
      let ran = 0;
      const worker = await startLaneWorker(nats.url, `early-${isWon}`, async () => void ran++, 0);
      const job = laneJob();
      logs.follow(job);
      const [claim, answer] = [worker.log.claim(job), Promise.withResolvers<void>()];
      expect(await claim).toBe(true);
      const ended = worker.runner.submit(job, answer.promise);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(worker.runner.submitted).toHaveLength(1);
      expect(ran).toBe(0);
      if (isWon) answer.resolve();
      else answer.reject(new Error('lost'));
      await ended;
      const events = await allEvents(logs.events(job, 0));
      expect(events.at(-1)!.event.type).toBe(isWon ? 'ended' : 'failed');
      expect(ran).toBe(isWon ? 1 : 0);
    }
  });

  it('begins a job elsewhere when its worker stands still before it has begun it, and nowhere when it wakes up', async () => {
    const { lane, logs } = await startLaneGateway(nats.url);
    const runs: string[] = [];
    const still = await startLaneWorker(nats.url, 's1', async (own) => void runs.push(`s1 ${own.job.id}`), 1);
    // It has pulled the job, and stands still before it asks for the log.
    const claim = still.log.claim.bind(still.log);
    const woken = Promise.withResolvers<void>();
    const has = Promise.withResolvers<void>();
    still.log.claim = async (job) => {
      still.lane.close();
      has.resolve();
      await woken.promise;
      return claim(job);
    };
    const job = laneJob();
    await lane.submit(job);
    await has.promise;
    const go = Promise.withResolvers<void>();
    await startLaneWorker(
      nats.url,
      's2',
      async (own) => {
        runs.push(`s2 ${own.job.id}`);
        await go.promise;
        return undefined;
      },
      1,
    );
    for await (const { event } of logs.events(job, 0)) if (event.type === 'started') break;
    // The first worker acknowledges what is not its own any more: the queue forgets the job, and the second one goes on.
    woken.resolve();
    await until(() => expect(still.lane.running).toBe(0));
    await until(async () => expect(await queued()).toBe(0));
    go.resolve();
    const events = await allEvents(logs.events(job, 0));
    expect(events.at(-1)!.event).toMatchObject({ type: 'ended', result: { outcome: 'completed' } });
    expect(runs).toEqual([`s2 ${job.id}`]);
  });

  it('ends the job of a worker that dies as worker_lost with what it had printed, and fences one that comes back', async () => {
    const { lane, logs } = await startLaneGateway(nats.url);
    const other = await startLaneGateway(nats.url);
    const dead = await startLaneWorker(nats.url, 'd1', forEver);
    const job = laneJob();
    await lane.submit(job);
    for await (const { event } of logs.events(job, 0)) if (event.type === 'stdout') break;
    await dead.die();
    const events = await allEvents(logs.events(job, 0));
    expect(events.at(-1)).toMatchObject({
      number: 3,
      event: { type: 'ended', result: { outcome: 'worker_lost', stdout: { text: 'on' } } },
    });
    expect(await allEvents(other.logs.events(job, 0))).toEqual(events);
    const { log } = await startLaneWorker(nats.url, 'd2', hello, 0);
    expect(await log.claim(job)).toBe(false);
  });

  it('ends a job whose log was ended by a gateway meanwhile, and tells nothing of it', async () => {
    const { lane, logs } = await startLaneGateway(nats.url);
    const say = Promise.withResolvers<void>();
    const zombie = await startLaneWorker(nats.url, 'z1', async (own) => {
      own.print('on');
      await say.promise;
      own.print('still here');
      await own.interrupted;
      return undefined;
    });
    const job = laneJob();
    await lane.submit(job);
    for await (const { event } of logs.events(job, 0)) if (event.type === 'stdout') break;
    await zombie.lease.close();
    const events = await allEvents(logs.events(job, 0));
    expect(events.at(-1)!.event).toMatchObject({ type: 'ended', result: { outcome: 'worker_lost' } });
    // Its next record is refused, and then it is cancelled: its place is free again.
    say.resolve();
    await until(() => expect(zombie.lane.running).toBe(0));
    const again = await startLaneGateway(nats.url);
    expect(await allEvents(again.logs.events(job, 0))).toEqual(events);
  });

  it('takes a job back that no worker has begun, also from a worker that is about to', async () => {
    const { lane, logs } = await startLaneGateway(nats.url);
    const runs: string[] = [];
    const alone = laneJob();
    await lane.submit(alone);
    await until(async () => expect(await queued()).toBe(1));
    expect(await lane.withdraw(alone.id)).toBe(true);
    const events = await allEvents(logs.events(alone, 0));
    expect(events).toMatchObject([{ event: { type: 'ended', result: { outcome: 'cancelled' } } }]);
    expect(await queued()).toBe(0);

    const worker = await startLaneWorker(nats.url, 't1', async (own) => void runs.push(own.job.id), 1);
    const claim = worker.log.claim.bind(worker.log);
    const taken = laneJob();
    const answers: boolean[] = [];
    worker.log.claim = async (job) => {
      expect(await lane.withdraw(taken.id)).toBe(true);
      const won = await claim(job);
      answers.push(won);
      return won;
    };
    await lane.submit(taken);
    expect((await allEvents(logs.events(taken, 0))).at(-1)!.event).toMatchObject({
      type: 'ended',
      result: { outcome: 'cancelled' },
    });
    await until(() => expect(answers).toEqual([false]));
    worker.log.claim = claim;
    const begun = laneJob();
    await lane.submit(begun);
    await allEvents(logs.events(begun, 0));
    expect(await lane.withdraw(begun.id)).toBe(false);
    expect(runs).toEqual([begun.id]);
  });

  it('refuses a job that no worker takes in time, and runs it never', async () => {
    const { lane, logs } = await startLaneGateway(nats.url);
    const job = laneJob({ deadline: Date.now() + 200 });
    await lane.submit(job);
    const events = await allEvents(logs.events(job, 0));
    expect(events).toMatchObject([{ event: { type: 'failed', error: { code: 'overloaded' } } }]);
    expect(await queued()).toBe(0);
    const { log } = await startLaneWorker(nats.url, 'u1', hello);
    expect(await log.claim(job)).toBe(false);
  });

  it('leaves places for another principal while one floods the queue', async () => {
    const gateways = [await startLaneGateway(nats.url), await startLaneGateway(nats.url)];
    const running = new Set<string>();
    await startLaneWorker(nats.url, 'f1', async (own) => {
      running.add(own.job.id);
      if (own.job.owner === 'greedy') await own.interrupted;
      return undefined;
    });
    await until(() => expect(gateways[1]!.workers.all()).toHaveLength(1));
    const flood = Array.from({ length: 12 }, () => laneJob({ owner: 'greedy' }));
    for (const [index, job] of flood.entries()) await gateways[index % 2]!.lane.submit(job);

    await until(() => expect(running.size).toBe(3));

    const { lane, logs } = gateways[0]!;
    for (let i = 0; i < 5; i++) {
      const job = laneJob({ owner: 'other' });
      await lane.submit(job);
      expect((await allEvents(logs.events(job, 0))).at(-1)!.event.type).toBe('ended');
    }
    expect(flood.filter(({ id }) => running.has(id))).toHaveLength(3);
  });

  it('hands endings that leave something to the gateways, without what was printed', async () => {
    const { lane, logs, connection } = await startLaneGateway(nats.url);
    const { worker } = await startLaneWorker(nats.url, 'n1', async (own) => {
      own.print('secret');
      own.write('made.txt', 'made');
      return undefined;
    });
    const job = laneJob({ keep: 'sealed' });
    await lane.submit(job);
    await allEvents(logs.events(job, 0));
    const recorders = await jetstream(connection.nats).consumers.get(doneStream, doneConsumer);
    const message = await recorders.next({ expires: 5000 });
    expect(message!.subject).toBe(`dg.done.n1.-.${job.id}`);
    expect(message!.json()).toMatchObject({
      ...{ exec: job.id, worker, session: null, keep: 'sealed' },
      ending: { files: [{ path: 'made.txt', size: 4 }], result: { stdout: { text: '', bytes: 6 } } },
    });
    message!.ack();
  });

  it('loses nothing and runs nothing twice when the server is killed with jobs queued and running', async () => {
    const { lane, logs } = await startLaneGateway(nats.url);
    const runs: string[] = [];
    const go = Promise.withResolvers<void>();
    const work: Script = async (own) => {
      runs.push(own.job.id);
      own.print('begun');
      await go.promise;
      own.print('done');
      return undefined;
    };
    await startLaneWorker(nats.url, 'k1', work, 3);
    await startLaneWorker(nats.url, 'k2', work, 3);
    const jobs = Array.from({ length: 20 }, (_, index) => laneJob({ owner: `p${index % 5}` }));
    for (const job of jobs) await lane.submit(job);
    await until(() => expect(runs.length).toBe(6));
    await nats.kill();
    const ends = Promise.all(jobs.map((job) => allEvents(logs.events(job, 0))));
    // Jobs that run go on without the server.
    go.resolve();
    await nats.restart();
    for (const events of await ends) {
      expect(events.at(-1)!.event).toMatchObject({ type: 'ended', result: { outcome: 'completed' } });
      expect(events.filter(({ event }) => event.type === 'stdout').length).toBe(2);
    }
    expect([...runs].sort()).toEqual(jobs.map(({ id }) => id).sort());
    await until(async () => expect(await queued()).toBe(0));
  });
});
