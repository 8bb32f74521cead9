import { join } from 'node:path';
import { LaneWorker, WorkerFiles, WorkerLog, WorkerService } from '../cluster/index.ts';
import type { Config } from '../config/index.ts';
import { newId, type TierState, within } from '../core/index.ts';
import { lockDirectory } from '../stores/index.ts';
import { askForBytes } from './bytes-asking.ts';
import { connectCluster } from './cluster-connection.ts';
import { workerMetrics } from './cluster-metrics.ts';
import { startCommon } from './common.ts';
import { defaultPlaces } from './surroundings.ts';
import { type Image, startWorker } from './worker.ts';

/** How long the events of the last jobs may take to be stored. */
const settleMs = 5000;

/** A running worker. */
export interface WorkerProcess {
  readonly id: string;
  /** What its sandboxes may be behind. */
  readonly tiers: readonly TierState[];
  /** Takes nothing new, lets what runs end in its time, and ends. */
  close(): Promise<void>;
}

/** The role `worker`: runs code for gateways. It has no port, no database and no key of any user. */
export async function startWorkerRole(config: Config, image: Image, version: string): Promise<WorkerProcess> {
  const common = await startCommon(config, 'worker', version);
  const { lifetime, logger, now, availableMemory } = common;
  const close = () => lifetime.close();
  try {
    const lock = lockDirectory(config.stores.dataDir);
    lifetime.add(() => lock.release());
    const seat = config.cluster.workerName ?? config.cluster.natsUrl!.user ?? `w_${newId()}`;
    const id = `${seat}.${newId()}`;
    const connection = await connectCluster(config, seat, common);
    const files = new WorkerFiles({
      ask: (question) => askForBytes(connection, seat, question),
      directory: join(config.stores.dataDir, 'bytes'),
      cacheBytes: config.cluster.fileCacheBytes,
    });
    await files.start();
    lifetime.add(() => files.close());
    const log = new WorkerLog({ connection, worker: id, fenced: (job) => void runner.cancel(job), logger });
    const runner = await startWorker(config, image, { files, worker: id, events: log }, common);
    const { maxLive: maxSessions, reserveBytes } = config.sessions;
    const places = config.engine.concurrency || defaultPlaces(config.plans);
    const startedAt = now();
    const tiers = await runner.tiers();
    const service = new WorkerService({
      connection,
      runner,
      log,
      lease: () => ({
        ...{ worker: id, startedAt, version, image: image.imageId, places, maxSessions, tiers },
        sessions: runner.liveSessions,
        memory: Math.max(0, availableMemory() - reserveBytes),
      }),
      drainMs: config.cluster.drainMs,
      logger,
    });
    const free = () => places - runner.running;
    const has = tiers.filter(({ fault }) => fault === null).map(({ tier }) => tier);
    const lane = new LaneWorker({ connection, worker: id, runner, tiers: has, log, free, logger, now });
    lifetime.add(async () => {
      lane.drain();
      await service.drain();
      await runner.close();
      await within(log.settled(), settleMs);
      lane.close();
      await service.close();
      log.close();
    });
    workerMetrics(common.metrics, { connection, service, lane, log, files, places, running: () => runner.running });
    await service.start();
    lane.start();
    return { id, tiers, close };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}
