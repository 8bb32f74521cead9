import { onTestFinished } from 'vitest';
import { Connection } from '../../src/cluster/connection.ts';
import { JobLogs, LaneWorker, SharedLane, WorkerLog, WorkerTable } from '../../src/cluster/index.ts';
import { HeldLease } from '../../src/cluster/leases/held-lease.ts';
import { inboxOf } from '../../src/cluster/subjects.ts';
import { newId, type Tier } from '../../src/core/index.ts';
import type { NumberedEvent } from '../../src/event-log/index.ts';
import type { Job, JobEvent } from '../../src/runner/index.ts';
import { MemoryJobFiles } from '../conformance/runner/runner.ts';
import { testLimits } from './engine.ts';
import { type Script, ScriptedRunner } from './scripted-runner.ts';
import { testTier } from './tier.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };

/** A connection of a process of its own to this server. */
export async function connectTo(url: string, seat?: string, seed?: string): Promise<Connection> {
  const connection = await Connection.open({
    servers: [new URL(url).host],
    tls: false,
    user: undefined,
    password: undefined,
    seed,
    caFile: undefined,
    name: seat === undefined ? 'gateway' : `worker ${seat}`,
    inbox: inboxOf(seat),
    firstMs: 5000,
    logger,
  });
  onTestFinished(async () => {
    if (!connection.nats.isClosed()) await connection.close();
  });
  return connection;
}

/** The side of a gateway: the queue and the logs of jobs. */
export async function startLaneGateway(url: string, seed?: string) {
  const connection = await connectTo(url, undefined, seed);
  const workers = new WorkerTable(connection, logger);
  await workers.start();
  const logs = new JobLogs({ connection, workers, logger });
  await logs.start();
  const lane = new SharedLane({ connection, workers, logs, logger, now: Date.now });
  lane.start();
  onTestFinished(() => {
    lane.close();
    logs.close();
    workers.close();
  });
  return { connection, workers, logs, lane };
}

/** The side of a worker with this seat, whose jobs do what `script` says. */
export async function startLaneWorker(
  url: string,
  seat: string,
  script: Script,
  places = 4,
  seed?: string,
  has: readonly Tier[] = [testTier()],
) {
  const connection = await connectTo(url, seat, seed);
  const worker = `${seat}.${newId()}`;
  const log = new WorkerLog({ connection, worker, fenced: (job) => void runner.cancel(job), logger });
  const runner = new ScriptedRunner(new MemoryJobFiles(), script, log);
  runner.worker = worker;
  let running = 0;
  const counted = {
    async submit(job: Job, permit?: Promise<void>) {
      running++;
      void log.whole(job.id).then(() => running--);
      await runner.submit(job, permit);
    },
  };
  const free = () => places - running;
  const lane = new LaneWorker({
    connection,
    worker,
    runner: counted,
    tiers: has,
    log,
    free,
    logger,
    now: Date.now,
  });
  const lease = new HeldLease({
    connection,
    lease: () => ({
      worker,
      startedAt: 0,
      version: '0',
      image: 'x',
      draining: false,
      places,
      running,
      maxSessions: 1,
      sessions: 0,
      memory: 1,
      tiers: has.map((tier) => ({ tier, fault: null })),
    }),
    lapsed: async () => {},
    alone: () => {},
    logger,
  });
  await lease.start(5000);
  lane.start();
  const stop = async () => {
    lane.close();
    log.close();
    await lease.close();
  };
  onTestFinished(stop);
  return {
    worker,
    log,
    lane,
    lease,
    runner,
    connection,
    stop,
    /** As a process that is killed: nothing more is said, and its lease ends by itself. */
    async die() {
      await connection.nats.close();
      lane.close();
      log.close();
    },
  };
}

export function laneJob(more: Partial<Job> = {}): Job {
  return {
    id: newId(),
    owner: 'owner',
    language: 'python',
    code: '',
    args: [],
    stdin: null,
    mode: 'program',
    inputs: [],
    folders: null,
    limits: testLimits,
    tier: testTier(),
    tools: null,
    session: null,
    deadline: Date.now() + 20_000,
    ...more,
  };
}

export function allEvents(events: AsyncIterable<NumberedEvent<JobEvent>>): Promise<NumberedEvent<JobEvent>[]> {
  return Array.fromAsync(events);
}
