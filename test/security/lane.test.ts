import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { createInbox, type Msg } from '@nats-io/transport-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { answerWorkers, Connection, inboxOf, newIdentity, serverConfiguration } from '../../src/cluster/index.ts';
import { encode } from '../../src/cluster/message.ts';
import type { NumberedEvent } from '../../src/event-log/index.ts';
import type { Job, JobEvent } from '../../src/runner/index.ts';
import { allEvents, connectTo, laneJob, startLaneGateway, startLaneWorker } from '../support/lane.ts';
import { hasNats, type NatsServer, startNats } from '../support/nats.ts';
import type { Script } from '../support/scripted-runner.ts';
import { silent as logger } from '../support/silent.ts';
import { attacking } from './attack.ts';

/** Prints, waits until it is told to go on, prints again and ends. */
const honest = (go: Promise<void>): Script => {
  return async (own) => {
    own.print('first ');
    await go;
    own.print('second');
    return undefined;
  };
};
const forged = (number: number, event: object) => [number, event];
const ending = { type: 'ended', continuity: 'fresh', result: { outcome: 'completed', forged: true } };

describe.skipIf(!hasNats())('a captured worker on the way of jobs', attacking('machines'), () => {
  let nats: NatsServer;
  const identities = { gateway: newIdentity(), captured: newIdentity() };
  /** One of its own for each test: the seat of a worker that has just ended is not free at once. */
  const seats = new Map(Array.from({ length: 8 }, (_, index) => [`honest-${index}`, newIdentity()]));
  let seat = '';
  beforeAll(async () => {
    nats = await startNats(
      serverConfiguration({
        listen: '127.0.0.1:4222',
        storeDir: '/',
        gateways: identities.gateway.publicKey,
        workers: new Map([
          ...[...seats].map(([name, { publicKey }]) => [name, publicKey] as const),
          ['captured', identities.captured.publicKey],
        ]),
      }),
    );
  });
  afterAll(() => nats?.close());
  const gateway = () => startLaneGateway(nats.url, identities.gateway.seed);
  const worker = (script: Script, places?: number) =>
    startLaneWorker(nats.url, seat, script, places, seats.get(seat)!.seed);
  let count = 0;
  beforeEach(async () => {
    seat = `honest-${count++}`;
    const { connection } = await gateway();
    const { streams } = await jetstreamManager(connection.nats);
    await streams.purge('DG_RUN').catch(() => {});
  });

  /** Its connection, with its own rights and no more; it says what it likes. */
  const captured = async () => {
    const connection = await Connection.open({
      servers: [new URL(nats.url).host],
      ...{
        tls: false,
        user: undefined,
        password: undefined,
        caFile: undefined,
        name: 'captured',
        firstMs: 5000,
        logger,
      },
      ...{ seed: identities.captured.seed, inbox: inboxOf('captured') },
    });
    onTestFinished(() => connection.close());
    return connection.nats;
  };
  /** The next run of the queue. */
  const pulledBy = async (wire: Awaited<ReturnType<typeof captured>>) => {
    const inbox = createInbox(inboxOf('captured'));
    const arrived = wire.subscribe(inbox, { max: 1 });
    wire.publish('$JS.API.CONSUMER.MSG.NEXT.DG_RUN.workers_namespaces', '{"batch":1,"expires":2000000000}', {
      reply: inbox,
    });
    const { value } = await arrived[Symbol.asyncIterator]().next();
    return value as Msg;
  };
  const log = (job: Job) => `dg.in.captured.${job.id}`;
  const record = (job: Job, after: number, ...events: unknown[]) => encode({ owner: job.owner, after, events });
  /** Gives it a lease, so that it lives for gateways. */
  const leased = (wire: Awaited<ReturnType<typeof captured>>) => {
    const numbers = { startedAt: 0, places: 1, running: 0, maxSessions: 0, sessions: 0, memory: 1 };
    const say = () =>
      wire.publish(
        '$KV.dg_workers.captured',
        encode({ worker: 'captured.x', version: '0', image: 'x', draining: false, ...numbers }),
      );
    say();
    const beat = setInterval(say, 1000);
    onTestFinished(() => clearInterval(beat));
  };
  const texts = (events: readonly NumberedEvent<JobEvent>[]) =>
    events.flatMap(({ event }) => (event.type === 'stdout' ? ['text' in event ? event.text : ''] : [])).join('');
  const sequence = async (job: Job) => {
    const { streams } = await jetstreamManager((await gateway()).connection.nats);
    return (await streams.getMessage('DG_EV', { last_by_subj: `dg.in.*.${job.id}` }))!.seq;
  };

  it('changes nothing of an execution that another worker runs, by whatever it writes to its log', async () => {
    const { lane, logs } = await gateway();
    const go = Promise.withResolvers<void>();
    await worker(honest(go.promise));
    const job = laneJob();
    await lane.submit(job);
    for await (const { event } of logs.events(job, 0)) if (event.type === 'stdout') break;
    const wire = await captured();
    const last = await sequence(job);
    for (const after of [last, 0, last + 1, last + 1000, -1, 'x', null]) {
      wire.publish(log(job), record(job, after as number, forged(3, ending)));
      wire.publish(log(job), record(job, after as number, forged(1, { type: 'started', worker: 'captured.x' })));
      wire.publish(
        log(job),
        record(job, after as number, forged(999, { type: 'stdout', text: 'FORGED', base64: null })),
      );
      wire.publish(log(job), encode({ owner: 'another', after, events: [] }));
    }
    for (const bytes of [
      '',
      'x',
      '{',
      '{"v":1}',
      '{"v":2,"owner":"owner","after":0,"events":[]}',
      '[]',
      'null',
      '\n\n',
    ])
      wire.publish(log(job), bytes);
    await wire.flush();
    const other = await gateway();
    const [here, there] = [allEvents(logs.events(job, 0)), allEvents(other.logs.events(job, 0))];
    await new Promise((resolve) => setTimeout(resolve, 200));
    go.resolve();
    for (const events of [await here, await there]) {
      expect(texts(events)).toBe('first second');
      expect(events.at(-1)!.event).toMatchObject({ type: 'ended', result: { outcome: 'completed' } });
      expect(JSON.stringify(events)).not.toMatch(/forged/i);
    }
  });

  it('cannot keep the end of a worker that is gone from being told, however much it writes', async () => {
    const { lane, logs } = await gateway();
    const dead = await worker(async (own) => {
      own.print('on');
      await own.interrupted;
      return undefined;
    });
    const job = laneJob();
    await lane.submit(job);
    for await (const { event } of logs.events(job, 0)) if (event.type === 'stdout') break;
    const wire = await captured();
    const flood = setInterval(() => wire.publish(log(job), record(job, 0)), 1);
    onTestFinished(() => clearInterval(flood));
    await dead.die();
    const events = await allEvents(logs.events(job, 0));
    expect(events.at(-1)!.event).toMatchObject({ type: 'ended', result: { outcome: 'worker_lost' } });
  });

  it('that spoils the log of a run it has pulled ends that run for its caller, and no other', async () => {
    const { lane, logs } = await gateway();
    const wire = await captured();
    const job = laneJob();
    await lane.submit(job);
    const pulled = await pulledBy(wire);
    expect(pulled.json<Job>().id).toBe(job.id);
    wire.publish(log(job), 'nothing that can be read');
    wire.publish(pulled.reply!, '+ACK');
    const events = await allEvents(logs.events(job, 0));
    expect(events.map(({ event }) => event.type)).toEqual(['failed']);
    let ran = 0;
    await worker(async () => void ran++);
    const next = laneJob();
    await lane.submit(next);
    expect((await allEvents(logs.events(next, 0))).at(-1)!.event.type).toBe('ended');
    expect(ran).toBe(1);
  });

  it('gains nothing by claims of earlier jobs that it says again, and begins none twice', async () => {
    const { lane, logs } = await gateway();
    let ran = 0;
    await worker(async (own) => {
      ran++;
      own.print('once');
      return undefined;
    });
    const wire = await captured();
    const job = laneJob();
    await lane.submit(job);
    const events = await allEvents(logs.events(job, 0));
    const claim = record(job, 0, forged(1, { type: 'started', worker: 'captured.x' }));
    const expectNone = { expect: { lastSubjectSequence: 0, lastSubjectSequenceSubject: `dg.in.*.${job.id}` } };
    await expect(jetstream(wire).publish(log(job), claim, expectNone)).rejects.toThrow(/wrong last sequence/);
    await jetstream(wire).publish(log(job), claim);
    await jetstream(wire).publish(log(job), record(job, 0, forged(9, ending)));
    const other = await gateway();
    expect(await allEvents(other.logs.events(job, 0))).toEqual(events);
    expect(await other.logs.seatOf(job.id)).toBe(seat);
    expect(ran).toBe(1);
  });

  it('that floods the log of a run of its own is given up, and gateways go on', async () => {
    const { lane, logs } = await gateway();
    const wire = await captured();
    const job = laneJob();
    await lane.submit(job);
    await pulledBy(wire);
    leased(wire);
    wire.publish(log(job), record(job, 0, forged(1, { type: 'started', worker: 'captured.x' })));
    let number = 1;
    const flood = setInterval(() => {
      for (let count = 0; count < 500; count++)
        wire.publish(log(job), record(job, 0, forged(++number, { type: 'stdout', text: 'x', base64: null })));
    }, 5);
    onTestFinished(() => clearInterval(flood));
    const events = await allEvents(logs.events(job, 0));
    expect(events.at(-1)!.event).toMatchObject({ type: 'ended', result: { outcome: 'worker_lost' } });
    await worker(async () => undefined);
    const next = laneJob();
    await lane.submit(next);
    expect((await allEvents(logs.events(next, 0))).at(-1)!.event.type).toBe('ended');
  });

  it('that floods gateways with questions, however large, takes the time of none', async () => {
    const { connection } = await gateway();
    const asked = new Map<string, number>();
    const end = answerWorkers(connection, 'grant', { perSecond: 100, atOnce: 200 }, async (_, from) => {
      asked.set(from, (asked.get(from) ?? 0) + 1);
      return 'answer';
    });
    onTestFinished(end);
    const wire = await captured();
    const begun = performance.now();
    const large = encode({ pass: 'x'.repeat(200 * 1024) });
    const flood = setInterval(() => {
      for (let count = 0; count < 300; count++) wire.publish('dg.g.grant.captured', '{"v":1}', { reply: 'nobody' });
      wire.publish('dg.g.grant.captured', large);
      wire.publish('dg.g.grant.captured', new Uint8Array(900 * 1024));
    }, 10);
    onTestFinished(() => clearInterval(flood));
    const honestOne = await connectTo(nats.url, seat, seats.get(seat)!.seed);
    for (let count = 0; count < 20; count++)
      expect(await honestOne.ask(`dg.g.grant.${seat}`, { pass: '' }, 3000)).toBe('answer');
    clearInterval(flood);
    const seconds = (performance.now() - begun) / 1000;
    expect(asked.get(seat)).toBe(20);
    expect(asked.get('captured')).toBeLessThanOrEqual(200 + 100 * (seconds + 1));
  });

  it('writes no message larger than a record may be', async () => {
    await gateway();
    const wire = await captured();
    const stream = jetstream(wire);
    await expect(stream.publish('dg.in.captured.large', new Uint8Array(300 * 1024))).rejects.toThrow(/size/i);
    await stream.publish('dg.in.captured.small', new Uint8Array(10 * 1024));
    await expect(stream.publish('dg.in.captured.huge', new Uint8Array(2 * 1024 * 1024))).rejects.toThrow(/payload/i);
  });
});
