import { onTestFinished } from 'vitest';
import {
  ClusterRunner,
  Connection,
  inboxOf,
  WorkerCalls,
  WorkerService,
  WorkerTable,
} from '../../src/cluster/index.ts';
import { newId } from '../../src/core/index.ts';
import type { LocalRunner } from '../../src/worker/index.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };

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
  return { runner: new ClusterRunner({ calls: new WorkerCalls(connection, workers), workers }), workers };
}

/** A worker in this process. @param make a runner with this id */
export async function startWorkerService(url: string, make: (worker: string) => LocalRunner) {
  const seat = `w_${newId()}`;
  const worker = `${seat}.${newId()}`;
  const connection = await connectNats(url, { seat });
  const runner = make(worker);
  const lease = () => ({
    ...{ worker, startedAt: 0, version: '0', image: 'test', places: 4, maxSessions: 10, memory: 1e9 },
    sessions: runner.liveSessions,
  });
  const service = new WorkerService({ connection, runner, lease, drainMs: 5000, logger });
  await service.start();
  onTestFinished(() => service.close());
  return { service, runner };
}
