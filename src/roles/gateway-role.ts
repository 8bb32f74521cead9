import {
  answerWorkers,
  ClusterRunner,
  DoneQueue,
  JobLogs,
  NatsPeers,
  type OwnQuestion,
  QueueDepths,
  SharedLane,
  seatOf,
  WorkerCalls,
  WorkerTable,
} from '../cluster/index.ts';
import type { Config } from '../config/index.ts';
import { DragomanError } from '../core/index.ts';
import { Keeps, serviceSecret } from '../service/index.ts';
import { lockDirectory, type Records } from '../stores/index.ts';
import type { Service } from './all.ts';
import { connectCluster } from './cluster-connection.ts';
import { gatewayMetrics } from './cluster-metrics.ts';
import { startCommon } from './common.ts';
import { prepareKeys, startCodeFor } from './first-key.ts';
import { startGateway } from './gateway.ts';
import { startGrants } from './grants.ts';
import { startStorage } from './storage.ts';

/** The role `gateway`: stores and what callers speak to; code runs on workers elsewhere. */
export async function startGatewayRole(config: Config, version: string): Promise<Service> {
  const common = await startCommon(config, 'gateway', version);
  const { lifetime, logger, metrics } = common;
  const close = () => lifetime.close();
  try {
    const lock = lockDirectory(config.stores.dataDir);
    lifetime.add(() => lock.release());
    const connection = await connectCluster(config, undefined, common);
    const storage = await startStorage(config, common);
    const firstKey = await prepareKeys(config, storage.records);
    const workers = new WorkerTable(connection, logger);
    lifetime.add(() => workers.close());
    await workers.start();
    lifetime.add(
      answerWorkers<OwnQuestion, readonly string[]>(connection, 'own', ownRate, (question, seat) =>
        ownSessions(storage.records, question, seat),
      ),
    );
    const logs = new JobLogs({ connection, workers, logger });
    lifetime.add(() => logs.close());
    await logs.start();
    const lane = new SharedLane({ connection, workers, logs, logger, now: common.now });
    lifetime.add(() => lane.close());
    lane.start();
    const runner = new ClusterRunner({ calls: new WorkerCalls(connection, workers), workers, log: logs, lane });
    const jobFiles = await startGrants(storage, connection, logs, common);
    const peers = new NatsPeers(connection, logger);
    lifetime.add(() => peers.close());
    await peers.start();
    const keeps = new Keeps(await serviceSecret(storage.records, 'endings'));
    const endings = new DoneQueue(connection, logger, common.now);
    lifetime.add(() => endings.close());
    const depths = new QueueDepths(connection, common.now);
    lifetime.add(() => depths.close());
    depths.start();
    gatewayMetrics(metrics, { connection, workers, lane, logs, endings, depths });
    const startCode = startCodeFor(config, firstKey?.secret, common.now);
    const imageId = workers.all()[0]?.image ?? 'that of its workers';
    // Without any worker a run is refused by the runner, which says why.
    const places = () =>
      Math.max(
        1,
        workers.all().reduce((sum, worker) => sum + worker.places, 0),
      );
    const parts = { ...storage, jobFiles, runner, peers, keeps, endings, version, imageId, places, startCode };
    const url = await startGateway(config, parts, common);
    return { url, firstKey, startCode: startCode?.text, tiers: [], close };
  } catch (error) {
    // What kept it from starting says more than what then could not be closed.
    await close().catch(() => {});
    throw error;
  }
}

/** A worker asks when its lease had ended. */
const ownRate = { perSecond: 0.2, atOnce: 3 };
/** Sessions that one worker may hold at most, for one question. */
const maxAsked = 10_000;

/** Which sessions are still on a worker that was taken for dead. */
async function ownSessions(records: Records, { worker, sessions }: OwnQuestion, seat: string): Promise<string[]> {
  if (typeof worker !== 'string' || seatOf(worker) !== seat || !Array.isArray(sessions))
    throw new DragomanError('invalid_request');
  const own: string[] = [];
  for (const { id, epoch } of sessions.slice(0, maxAsked)) {
    const record = await records.sessions.find(String(id));
    if (record?.worker === worker && record.epoch === epoch) own.push(record.id);
  }
  return own;
}
