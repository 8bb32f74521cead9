import { onTestFinished } from 'vitest';
import {
  ClusterRunner,
  Connection,
  inboxOf,
  JobLogs,
  LaneWorker,
  SharedLane,
  WorkerCalls,
  WorkerLog,
  WorkerService,
  WorkerTable,
} from '../../src/cluster/index.ts';
import { DragomanError, newId } from '../../src/core/index.ts';
import type { JobFiles } from '../../src/runner/index.ts';
import { Engines, LocalRunner } from '../../src/worker/index.ts';
import { type TestEngine, testLimits } from './engine.ts';
import { silent as logger } from './silent.ts';
import { testTier } from './tier.ts';

/** Connects to a NATS server of a test, for as long as the test runs. */
export async function connectNats(url: string, more: { seat?: string; user?: string; password?: string } = {}) {
  const { host } = new URL(url);
  const connection = await Connection.open({
    servers: [host],
    tls: false,
    user: more.user,
    password: more.password,
    seed: undefined,
    caFile: undefined,
    name: 'test',
    inbox: inboxOf(more.seat),
    firstMs: 5000,
    logger,
  });
  onTestFinished(() => connection.close());
  return connection;
}

/** A gateway's runner over NATS. */
export async function startClusterRunner(url: string): Promise<{ runner: ClusterRunner; workers: WorkerTable }> {
  const connection = await connectNats(url);
  const workers = new WorkerTable(connection, logger);
  onTestFinished(() => workers.close());
  await workers.start();
  const logs = new JobLogs({ connection, workers, logger });
  const lane = new SharedLane({ connection, workers, logs, logger, now: Date.now });
  onTestFinished(() => {
    lane.close();
    logs.close();
  });
  await logs.start();
  lane.start();
  return {
    runner: new ClusterRunner({ calls: new WorkerCalls(connection, workers), workers, log: logs, lane }),
    workers,
  };
}

/** A worker in this process. @param make a runner with this id, whose events go there */
export async function startWorkerService(
  url: string,
  make: (worker: string, events: WorkerLog) => LocalRunner,
  { seat = `w_${newId()}`, seatWaitMs }: { seat?: string; seatWaitMs?: number } = {},
) {
  const worker = `${seat}.${newId()}`;
  const connection = await connectNats(url, { seat });
  const log = new WorkerLog({ connection, worker, fenced: (job) => void runner.cancel(job), logger });
  const runner = make(worker, log);
  const lease = () => ({
    ...{ worker, startedAt: 0, version: '0', image: 'test', places: 4, maxSessions: 10, memory: 1e9 },
    tiers: [{ tier: testTier(), fault: null }],
    sessions: runner.liveSessions,
  });
  const service = new WorkerService({ connection, runner, log, lease, drainMs: 5000, logger });
  const free = () => 4 - runner.running;
  const lane = new LaneWorker({ connection, worker, runner, tiers: [testTier()], log, free, logger, now: Date.now });
  await service.start(seatWaitMs);
  lane.start();
  onTestFinished(async () => {
    lane.close();
    await service.close();
    log.close();
  });
  return { service, runner };
}

/** A worker's runner over a real engine; its jobs have no files unless they are given. */
export function localRunner(
  { engine }: TestEngine,
  worker: string,
  events: WorkerLog,
  files: JobFiles = noFiles,
): LocalRunner {
  const local = new LocalRunner({
    ...{ worker, engines: new Engines([engine]), files, events, logger, limits: testLimits },
    ...{ maxLive: 10, reserveBytes: 0, availableMemory: () => Number.MAX_SAFE_INTEGER, now: Date.now },
  });
  onTestFinished(() => local.close());
  return local;
}

const noFiles: JobFiles = {
  open: () => Promise.reject(new DragomanError('not_found')),
  put: () => Promise.reject(new DragomanError('storage_unavailable')),
};
