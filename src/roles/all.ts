import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAgent } from '../agent/index.ts';
import { createAssistant, type ResponseEvent, responseLogBytes } from '../assistant/index.ts';
import type { Config } from '../config/index.ts';
import { defaultPlan, type Plans } from '../core/index.ts';
import { createDialects } from '../dialects/index.ts';
import { CompileCache, createEngine, loadRuntimes } from '../engine/index.ts';
import { MemoryEventLog } from '../event-log/index.ts';
import { createAuthenticator, createServer, problemOf } from '../http/index.ts';
import { memoryJobLog } from '../runner/index.ts';
import { findIsolation } from '../sandbox/index.ts';
import {
  Admission,
  ApiKeys,
  FileService,
  FileSweeper,
  InterpreterService,
  SessionService,
  StoredJobFiles,
  UsageLedger,
} from '../service/index.ts';
import {
  createDiskBytes,
  createFileStore,
  createSqliteRecords,
  lockDirectory,
  type Records,
  removeUnrecordedContents,
} from '../stores/index.ts';
import { createLogger, createMetrics } from '../telemetry/index.ts';
import { createUpstreams } from '../upstreams/index.ts';
import { LocalRunner } from '../worker/index.ts';

/** What sandboxes are made from: the root file system, and a name that changes with its content. */
export interface Image {
  readonly imageRoot: string;
  readonly imageId: string;
}

/** A running service. */
export interface Service {
  /** `http://host:port` as one can call it. */
  readonly url: string;
  /** The key made at the first start, and where it is kept. */
  readonly firstKey: { readonly path: string; readonly secret: string } | undefined;
  /** Ends in order: no new requests, those under way, sandboxes, stores. */
  close(): Promise<void>;
}

const shutdownDeadlineMs = 10_000;

/** Builds every object of the `all` role and starts them, stores first and the open port last. */
export async function startService(config: Config, image: Image, version: string): Promise<Service> {
  const { dataDir, retentionMs } = config.stores;
  const { plans } = config;
  const logger = createLogger(config.telemetry);
  const metrics = createMetrics();
  metrics.start();
  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    const faults: unknown[] = [];
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        // A database that refuses the last numbers is no reason to leave sandboxes behind.
        faults.push(error);
      }
    }
    if (faults.length > 0) throw faults[0];
  };
  try {
    const lock = lockDirectory(dataDir);
    closers.push(() => lock.release());
    const now = Date.now;
    const records = openRecords(config);
    await records.start();
    closers.push(() => records.close());
    const { contents, leases } = records;
    const filesDir = join(dataDir, 'files');
    const bytes = createDiskBytes({ directory: filesDir });
    const files = createFileStore({ bytes, contents, leases, now });
    const unfinished = await files.start();
    if (unfinished > 0) logger.info({ files: unfinished }, 'removed unfinished files of a server that was killed');
    closers.push(() => files.close());
    const removed = await removeUnrecordedContents(filesDir, contents);
    if (removed > 0) logger.info({ contents: removed }, 'removed stored bytes that no record knew');
    const firstKey = await prepareKeys(config, records);

    const runtimesDir = fileURLToPath(new URL('../../runtimes', import.meta.url));
    const { imageRoot, imageId } = image;
    const runtimes = loadRuntimes(runtimesDir, imageRoot);
    const backend = findIsolation(config.isolation.backend).create({
      imageRoot,
      guestDir: fileURLToPath(new URL('../../guest', import.meta.url)),
      runtimesDir,
      templates: runtimes.templates,
      sandboxUid: config.isolation.sandboxUid,
      diskReadBytes: config.isolation.diskReadBytes,
      logger,
    });
    const poolSize = config.engine.pool || Math.max(4, availableParallelism());
    const maxBytes = config.engine.compileCacheBytes;
    const compileCache = new CompileCache({ directory: join(dataDir, 'compiled'), maxBytes, logger });
    const { limits } = config.engine;
    const engine = createEngine({ backend, catalogue: runtimes, limits, poolSize, logger, imageId, compileCache });
    closers.push(() => engine.close());
    await engine.start();
    const { queueWaitMs } = config.engine;
    const { maxUploadBytes: maxFileBytes, maxUploadFiles } = config.http;
    const usage = new UsageLedger({ records: records.usage, logger, now });
    closers.push(() => usage.close());
    usage.start();
    const fileService = new FileService({
      files,
      records,
      usage,
      plans,
      maxFileBytes,
      maxUploadFiles,
      retentionMs,
      now,
    });
    const sweeper = new FileSweeper({ files: fileService, records, logger, now });
    closers.push(() => sweeper.close());
    sweeper.start();
    const admission = new Admission({
      places: config.engine.concurrency || defaultPlaces(plans),
      waitMs: queueWaitMs,
    });
    const jobFiles = new StoredJobFiles(fileService);
    const availableMemory = () => process.availableMemory();
    const runner = new LocalRunner({
      engine,
      files: jobFiles,
      events: memoryJobLog(),
      limits: plans.get(defaultPlan)!.limits,
      maxLive: config.sessions.maxLive,
      reserveBytes: config.sessions.reserveBytes,
      availableMemory,
      logger,
      now,
    });
    closers.push(() => runner.close());
    runner.start();
    metrics.gauge('sandboxes_live', 'Sandboxes alive, parked ones included', () => engine.census().live);
    metrics.gauge('sessions_live', 'Sessions with a sandbox', () => runner.liveSessions);
    const shared = { runner, jobFiles, records, fileService, admission, plans, usage, logger, metrics, now };
    const sessions = new SessionService({
      ...shared,
      ...config.sessions,
      queueWaitMs,
      retentionMs,
      maxFileBytes,
      availableMemory,
    });
    closers.push(() => sessions.close());
    sessions.startSaving();
    const interpreter = new InterpreterService(shared);
    interpreter.start();

    const authenticator = createAuthenticator({
      ...config.authentication,
      plans,
      findKey: (hash) => records.keys.findByHash(hash),
      logger,
    });
    const agent = createAgent({
      ...config.agent,
      upstreams: createUpstreams({ ...config.upstreams, logger }),
      sessions,
      plans,
    });
    const assistant = createAssistant({
      agent,
      sessions,
      interpreter,
      documents: records.documents,
      // A reader that lags behind holds its log. What has ended is in the documents.
      log: new MemoryEventLog<ResponseEvent>({
        maxLogs: 1000,
        maxBytes: responseLogBytes,
        maxLogBytes: responseLogBytes,
        ttlMs: 10_000,
      }),
      retentionMs,
      now,
    });
    closers.push(() => assistant.close());
    const server = createServer({
      ...config.http,
      version,
      plans,
      authenticator,
      interpreter,
      ...(areOff(plans) ? { openRate: null } : {}),
      dialects: createDialects({
        interpreter,
        sessions,
        kernels: sessions.kernels,
        assistant,
        agent,
        usage,
        maxFileBytes,
        maxUploadFiles,
        uploadTimeoutMs: config.http.uploadTimeoutMs,
        now,
        problem: problemOf,
      }),
      metrics,
      logger,
    });
    closers.push(async () => {
      interpreter.close();
      await server.close(shutdownDeadlineMs);
    });
    const { host, port } = await server.start(config.http.host, config.http.port);
    const name = host.includes(':') ? `[${host}]` : host;
    return { url: `http://${name}:${port}`, firstKey, close };
  } catch (error) {
    // What kept it from starting says more than what then could not be closed.
    await close().catch(() => {});
    throw error;
  }
}

/** The records of a data directory, not yet started. */
export function openRecords(config: Config): Records {
  return createSqliteRecords({
    path: join(config.stores.dataDir, 'dragoman.db'),
    documentBytes: config.stores.recordBytes,
  });
}

/** Makes the first key where one is due. @throws DragomanError invalid_request when a key has a plan that there is not */
async function prepareKeys(config: Config, records: Records): Promise<Service['firstKey']> {
  const { mode, keys } = config.authentication;
  if (!mode.includes('keys')) return undefined;
  const stored = new ApiKeys(records.keys, config.plans);
  await stored.checkPlans();
  return keys.length > 0 ? undefined : stored.createFirst(config.stores.dataDir);
}

/** Whether the operator has switched every rate limit off. */
function areOff(plans: Plans): boolean {
  return plans.values().every(({ rates }) => Object.values(rates).every((rate) => rate === null));
}

/** Four programs a core, because most wait; never more than fit into memory at the largest limit. */
function defaultPlaces(plans: Plans): number {
  const memoryBytes = Math.max(...plans.values().map(({ limits }) => limits.memoryBytes));
  return Math.max(2, Math.min(availableParallelism() * 4, Math.floor((totalmem() * 0.75) / memoryBytes)));
}
