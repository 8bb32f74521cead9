import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/index.ts';
import { defaultPlan } from '../core/index.ts';
import { CompileCache, createEngine, loadHints, loadRuntimes } from '../engine/index.ts';
import type { EventLog } from '../event-log/index.ts';
import type { JobEvent, JobFiles } from '../runner/index.ts';
import { findIsolation, type MachineFiles, requireIsolation } from '../sandbox/index.ts';
import { LocalRunner } from '../worker/index.ts';
import type { Common } from './common.ts';
import { tierOptions } from './tier.ts';

/** What sandboxes are made from: the root file system, and a name that changes with its content. */
export interface Image {
  readonly imageRoot: string;
  readonly imageId: string;
  /** The compiled helper that forks sandboxes. */
  readonly nativeDir: string;
  /** For sandboxes in virtual machines; absent: nothing was set up for them. */
  readonly machine?: MachineFiles | undefined;
}

/** What a worker is made over, besides its engine. */
export interface WorkerParts {
  /** Where bytes of files come from and go. */
  readonly files: JobFiles;
  /** Id of the worker; absent: a new one. */
  readonly worker?: string;
  /** Where the events of its jobs go. */
  readonly events: EventLog<JobEvent>;
}

/** Starts what runs code: the engine and a worker over it. */
export async function startWorker(
  config: Config,
  image: Image,
  { files, worker, events }: WorkerParts,
  common: Common,
): Promise<LocalRunner> {
  const { logger, metrics, traces, now, availableMemory, lifetime } = common;
  const runtimesDir = fileURLToPath(new URL('../../runtimes', import.meta.url));
  const { imageRoot, imageId, nativeDir, machine } = image;
  const runtimes = loadRuntimes(runtimesDir, imageRoot);
  requireIsolation(config.isolation.backend, config.isolation.least);
  const backend = findIsolation(config.isolation.backend).create({
    imageRoot,
    nativeDir,
    machine,
    guestDir: fileURLToPath(new URL('../../guest', import.meta.url)),
    runtimesDir,
    templates: runtimes.templates,
    sandboxUid: config.isolation.sandboxUid,
    diskReadBytes: config.isolation.diskReadBytes,
    ...tierOptions(config),
    logger,
  });
  const poolSize = config.engine.pool || Math.max(4, availableParallelism());
  const maxBytes = config.engine.compileCacheBytes;
  const compileCache = new CompileCache({ directory: join(config.stores.dataDir, 'compiled'), maxBytes, logger });
  const { limits } = config.engine;
  const hints = loadHints(imageRoot, fileURLToPath(new URL('../../images/full/hints.json', import.meta.url)));
  const engine = createEngine({
    backend,
    catalogue: runtimes,
    limits,
    poolSize,
    logger,
    imageId,
    compileCache,
    hints,
  });
  lifetime.add(() => engine.close());
  await engine.start();
  const { maxLive, reserveBytes } = config.sessions;
  const runner = new LocalRunner({
    engine,
    files,
    events,
    ...(worker === undefined ? {} : { worker }),
    limits: config.plans.get(defaultPlan)!.limits,
    maxLive,
    reserveBytes,
    availableMemory,
    traces,
    logger,
    now,
  });
  lifetime.add(() => runner.close());
  runner.start();
  metrics.gauge('sandboxes_live', 'Sandboxes alive, parked ones included', () => engine.census().live);
  metrics.gauge('sessions_live', 'Sessions with a sandbox', () => runner.liveSessions);
  return runner;
}
