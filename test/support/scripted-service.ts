import { onTestFinished } from 'vitest';
import { defaultPlan, type Plan } from '../../src/core/index.ts';
import {
  Admission,
  createService,
  type Execution,
  type ExecutionRequest,
  FileService,
  onlyProcess,
  type Peers,
  PreviewService,
  StoredJobFiles,
} from '../../src/service/index.ts';
import { type Bytes, createFileStore, createMemoryBytes, type Records } from '../../src/stores/index.ts';
import { testLimits } from './engine.ts';
import { memoryRecords } from './records.ts';
import { type Script, ScriptedRunner } from './scripted-runner.ts';
import { ann } from './sessions.ts';

const hour = 3_600_000;

export interface ScriptedServiceOptions {
  readonly records?: Records;
  readonly peers?: Peers;
  /** Bytes and a runner that several gateways share. */
  readonly bytes?: Bytes;
  readonly runner?: ScriptedRunner;
  readonly places?: number;
  readonly plan?: Partial<Plan>;
  readonly queueWaitMs?: number;
  readonly maxToolExecutions?: number;
  readonly maxFileBytes?: number;
  readonly maxUploadFiles?: number;
  readonly previews?: { readonly maxFileBytes?: number };
}

/** The real service over stores in memory and a runner that does what a test says. */
export function scriptedService(script?: Script, options: ScriptedServiceOptions = {}) {
  const records = options.records ?? memoryRecords();
  const plan: Plan = {
    limits: testLimits,
    maxWallMs: 60_000,
    tier: 'namespaces',
    otherTiers: [],
    running: undefined,
    waiting: 100,
    storedBytes: 1024 ** 3,
    storedFiles: 10_000,
    rates: { exec: null, upload: null, download: null, list: null },
    ...options.plan,
  };
  const plans = new Map([[defaultPlan, plan]]);
  const used: { principal: string; executions: number }[] = [];
  const usage = {
    record: ({ id }: { id: string }, { executions = 0 }: { executions?: number }) =>
      void (executions > 0 && used.push({ principal: id, executions })),
  };
  const measured: string[] = [];
  const now = () => service.now;
  const { maxFileBytes = 1024 * 1024, maxUploadFiles = 10 } = options;
  const limits = { maxFileBytes, maxUploadFiles, retentionMs: 24 * hour };
  const bytes = options.bytes ?? createMemoryBytes();
  const files = createFileStore({ bytes, contents: records.contents, leases: records.leases, now });
  const fileService = new FileService({ files, records, usage, plans, ...limits, now });
  const jobFiles = new StoredJobFiles(fileService);
  const runner = options.runner ?? new ScriptedRunner(jobFiles, script);
  const queueWaitMs = options.queueWaitMs ?? 5000;
  const admission = new Admission({ places: options.places ?? 8, waitMs: queueWaitMs });
  const parts = createService({
    runner,
    jobFiles,
    records,
    fileService,
    peers: options.peers ?? onlyProcess,
    usage,
    admission,
    plans,
    queueWaitMs,
    ...limits,
    idleMs: 20 * 60_000,
    maxIdleMs: 2 * hour,
    maxLifeMs: 48 * hour,
    reserveBytes: 1000,
    stateBytes: 64 * 1024 * 1024,
    stateAfterMs: 30_000,
    stateSaveMs: 10_000,
    checkpointBytes: 1024 ** 3,
    checkpointSaveMs: 60_000,
    stateRestoreMs: 30_000,
    toolWaitMs: 10_000,
    maxCommands: 80,
    maxCommandMs: hour,
    maxToolExecutions: options.maxToolExecutions ?? 2,
    availableMemory: () => Number.MAX_SAFE_INTEGER,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    metrics: { execution: ({ outcome }) => measured.push(outcome), request() {}, gauge() {}, total() {}, count() {} },
    now,
  });
  const { sessions, commands, sandboxFiles, executions, kernels, states, toolRounds, namedRequests, operations } =
    parts;
  const previews = new PreviewService({
    ...{ runner, jobFiles, plans, usage, admission, now },
    cacheBytes: 1024 * 1024,
    limits: {
      maxBytes: 4 * 1024 * 1024,
      maxFileBytes: 32 * 1024 * 1024,
      wallMs: 20_000,
      memoryBytes: 256 * 1024 * 1024,
      ...options.previews,
    },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    metrics: { execution() {}, request() {}, gauge() {}, total() {}, count() {} },
  });
  onTestFinished(() => previews.close());
  onTestFinished(() => parts.close());
  const service = {
    now: Date.UTC(2026, 0, 1),
    sessions,
    commands,
    sandboxFiles,
    executions,
    kernels,
    states,
    toolRounds,
    namedRequests,
    operations,
    previews,
    close: () => parts.close(),
    runner,
    jobFiles,
    records,
    fileService,
    admission,
    used,
    measured,
    async run(sessionId: string | undefined, code = '', request: Partial<ExecutionRequest> = {}): Promise<Execution> {
      return (await executions.start(ann, { sessionId, language: 'python', code, ...request })).done;
    },
  };
  return service;
}
