import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/index.ts';
import { defaultPlan, type Logger, type Tier } from '../core/index.ts';
import { CompileCache, createEngine, type Engine, loadHints, loadRuntimes } from '../engine/index.ts';
import type { EventLog } from '../event-log/index.ts';
import type { JobEvent, JobFiles } from '../runner/index.ts';
import { findIsolation, type MachineFiles, type UserShare } from '../sandbox/index.ts';
import { Engines, LocalRunner } from '../worker/index.ts';
import type { Common } from './common.ts';
import { tierOptions, tiersInUse } from './tier.ts';

/** What sandboxes are made from: the root file system, and a name that changes with its content. */
export interface Image {
  readonly imageRoot: string;
  readonly imageId: string;
  /** The compiled helper that forks sandboxes. */
  readonly nativeDir: string;
  /** For sandboxes in virtual machines; absent: nothing was set up for them. */
  readonly machine?: MachineFiles | undefined;
  /** Why tiers that plans name could not be set up. */
  readonly faults?: ReadonlyMap<Tier, string>;
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

/** Starts what runs code: an engine for each tier that is in use, and a worker over them. */
export async function startWorker(
  config: Config,
  image: Image,
  { files, worker, events }: WorkerParts,
  common: Common,
): Promise<LocalRunner> {
  const { logger, metrics, traces, now, availableMemory, lifetime } = common;
  const engines = await startEngines(config, image, common);
  const { maxLive, reserveBytes } = config.sessions;
  const runner = new LocalRunner({
    engines,
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
  const live = () => new Map(engines.census().map(({ tier, live }) => [tier, live]));
  metrics.gauge('sandboxes_live', 'Sandboxes alive, parked ones included', live, 'isolation');
  metrics.gauge('sessions_live', 'Sessions with a sandbox', () => runner.liveSessions);
  return runner;
}

/** @throws DragomanError sandbox_unavailable where the tier of the settings cannot be had. One that a plan alone names is left out. */
async function startEngines(config: Config, image: Image, { logger, lifetime }: Common): Promise<Engines> {
  const maxBytes = config.engine.compileCacheBytes;
  const compileCache = new CompileCache({ directory: join(config.stores.dataDir, 'compiled'), maxBytes, logger });
  const wanted = tiersInUse(config);
  const faults = new Map(image.faults);
  const start = async (tier: Tier): Promise<Engine> => {
    const engine = makeEngine(config, image, {
      tier,
      at: wanted.indexOf(tier),
      of: wanted.length,
      compileCache,
      logger,
    });
    lifetime.add(() => engine.close());
    await engine.start();
    return engine;
  };
  const [own, ...others] = wanted;
  const engines: [Engine, ...Engine[]] = [await start(own)];
  for (const tier of others) {
    if (faults.has(tier)) continue;
    try {
      engines.push(await start(tier));
    } catch (error) {
      faults.set(tier, (error as Error).message);
    }
  }
  for (const [tier, fault] of faults)
    logger.error(
      { isolation: tier, fault },
      'an isolation that a plan names is not there: who has that plan is refused',
    );
  return new Engines(engines, faults);
}

interface EnginePart extends UserShare {
  readonly tier: Tier;
  readonly compileCache: CompileCache;
  readonly logger: Logger;
}

function makeEngine(config: Config, image: Image, { tier, at, of, compileCache, logger }: EnginePart): Engine {
  const { isolation } = config;
  const { imageRoot, imageId, nativeDir, machine } = image;
  const runtimesDir = fileURLToPath(new URL('../../runtimes', import.meta.url));
  const catalogue = loadRuntimes(runtimesDir, imageRoot, findIsolation(tier));
  const ofTier = tierOptions(config, tier);
  const backend = findIsolation(tier).create({
    imageRoot,
    nativeDir,
    machine,
    guestDir: fileURLToPath(new URL('../../guest', import.meta.url)),
    runtimesDir,
    programsDir: compileCache.programsDir,
    templates: catalogue.templates,
    sandboxUid: isolation.sandboxUid,
    userShare: { at, of },
    diskReadBytes: Math.floor(isolation.diskReadBytes / of),
    ...ofTier,
    logger,
  });
  return createEngine({
    backend,
    catalogue,
    limits: config.engine.limits,
    poolSize: config.engine.pool || Math.max(4, availableParallelism()),
    logger,
    imageId,
    compileCache,
    versionsFile: join(ofTier.tierDir, 'versions.json'),
    hints: loadHints(imageRoot, fileURLToPath(new URL('../../images/full/hints.json', import.meta.url))),
  });
}
