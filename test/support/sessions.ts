import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { defaultPlan, type Plan, type Principal } from '../../src/core/index.ts';
import type { EventLog } from '../../src/event-log/index.ts';
import { type JobEvent, memoryJobLog, type Runner } from '../../src/runner/index.ts';
import {
  Admission,
  createService,
  type Execution,
  type ExecutionRequest,
  FileService,
  onlyProcess,
  type Service,
  StoredJobFiles,
} from '../../src/service/index.ts';
import { createDiskBytes, createFileStore, type Records } from '../../src/stores/index.ts';
import { Engines, LocalRunner } from '../../src/worker/index.ts';
import { startClusterRunner, startWorkerService } from './cluster-runner.ts';
import { type TestEngine, testLimits } from './engine.ts';
import { memoryRecords } from './records.ts';
import { atPace } from './tier.ts';

const hour = 3_600_000;

export interface TestSessionsOptions {
  readonly records?: Records;
  /** Of the file store; by default one that goes with the test. */
  readonly directory?: string;
  readonly maxLive?: number;
  readonly stateBytes?: number;
  readonly stateSaveMs?: number;
  readonly stateRestoreMs?: number;
  readonly queueWaitMs?: number;
  /** URL of a NATS server: the worker is reached by it, as on another machine. */
  readonly nats?: string;
}

/** A session service over a real engine, with a clock and a memory gauge of the test's. */
export interface TestSessions extends Service {
  readonly fileService: FileService;
  readonly records: Records;
  readonly directory: string;
  /** Milliseconds since the epoch; set it to move the clock. */
  now: number;
  availableMemory: number;
  /** Lets idle sandboxes go, as the service does every few seconds. */
  sweep(): Promise<void>;
  /** Runs code to its end. Python unless said otherwise. */
  run(sessionId: string | undefined, code: string, request?: Partial<ExecutionRequest>): Promise<Execution>;
}

export const ann: Principal = { id: 'ann', tenant: 'tenant', name: 'ann' };
export const bob: Principal = { id: 'bob', tenant: 'tenant', name: 'bob' };

export async function startSessions(engine: TestEngine, options: TestSessionsOptions = {}): Promise<TestSessions> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'dragoman-sessions-'));
  if (options.directory === undefined) onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const records = options.records ?? memoryRecords();
  const plan: Plan = {
    limits: testLimits,
    maxWallMs: atPace(60_000),
    tier: engine.engine.tier,
    otherTiers: [],
    running: undefined,
    waiting: 100,
    storedBytes: 1024 ** 3,
    storedFiles: 10_000,
    rates: { exec: null, upload: null, download: null, list: null },
  };
  const limits = { maxFileBytes: 16 * 1024 * 1024, maxUploadFiles: 10, retentionMs: 24 * hour };
  const queueWaitMs = options.queueWaitMs ?? atPace(20_000);
  const now = () => test.now;
  const { contents, leases } = records;
  const files = createFileStore({ bytes: createDiskBytes({ directory }), contents, leases, now });
  await files.start();
  onTestFinished(() => files.close());
  const usage = { record() {} };
  const plans = new Map([[defaultPlan, plan]]);
  const fileService = new FileService({ files, records, usage, plans, ...limits, now });
  const jobFiles = new StoredJobFiles(fileService);
  const availableMemory = () => test.availableMemory;
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const makeWorker = (worker?: string, events: EventLog<JobEvent> = memoryJobLog()) =>
    new LocalRunner({
      ...(worker === undefined ? {} : { worker }),
      engines: new Engines([engine.engine]),
      files: jobFiles,
      events,
      limits: testLimits,
      maxLive: options.maxLive ?? 100,
      reserveBytes: 1000,
      availableMemory,
      logger,
      now,
    });
  const { local, runner } = options.nats === undefined ? alone(makeWorker()) : await overNats(options.nats, makeWorker);
  onTestFinished(() => local.close());
  const service = createService({
    runner,
    jobFiles,
    records,
    fileService,
    peers: onlyProcess,
    usage,
    admission: new Admission({ places: 8, waitMs: queueWaitMs }),
    plans,
    queueWaitMs,
    ...limits,
    idleMs: 20 * 60_000,
    maxIdleMs: 2 * hour,
    maxLifeMs: 48 * hour,
    reserveBytes: 1000,
    stateBytes: options.stateBytes ?? 64 * 1024 * 1024,
    stateAfterMs: 30_000,
    stateSaveMs: options.stateSaveMs ?? atPace(10_000),
    checkpointBytes: 1024 ** 3,
    checkpointSaveMs: 60_000,
    stateRestoreMs: options.stateRestoreMs ?? atPace(30_000),
    toolWaitMs: atPace(10_000),
    maxCommands: 80,
    maxCommandMs: hour,
    maxToolExecutions: 5,
    availableMemory,
    logger,
    metrics: { execution() {}, request() {}, gauge() {}, total() {}, count() {} },
    now,
  });
  onTestFinished(() => service.close());
  const test: TestSessions = {
    ...service,
    fileService,
    records,
    directory,
    now: Date.UTC(2026, 0, 1),
    availableMemory: Number.MAX_SAFE_INTEGER,
    sweep: () => local.sweep(),
    async run(sessionId, code, request) {
      return (await service.executions.start(ann, { sessionId, language: 'python', code, ...request })).done;
    },
  };
  return test;
}

function alone(local: LocalRunner): { local: LocalRunner; runner: Runner } {
  return { local, runner: local };
}

async function overNats(
  url: string,
  make: (worker: string, events: EventLog<JobEvent>) => LocalRunner,
): Promise<{ local: LocalRunner; runner: Runner }> {
  const { runner, workers } = await startClusterRunner(url);
  const { runner: local } = await startWorkerService(url, make);
  await workers.some(5000);
  return { local, runner };
}
