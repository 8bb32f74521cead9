import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type GrantAsk, type Granted, WorkerFiles } from '../../src/cluster/index.ts';
import { defaultPlan, newId, type Plan } from '../../src/core/index.ts';
import type { SessionRef } from '../../src/runner/index.ts';
import { FileService, GrantDesk, GrantedJobFiles } from '../../src/service/index.ts';
import { type Bytes, createFileStore, type Records, type SessionRecord } from '../../src/stores/index.ts';
import { testLimits } from './engine.ts';
import { principalOf } from './principals.ts';
import { memoryRecords } from './records.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };

/** The bytes of a test, and their digest. */
export const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** The seat of the worker that asks, unless a test names another. */
const seatOfTest = 'w';

export interface GrantParts {
  /** Not started yet. */
  readonly bytes: Bytes;
  readonly records?: Records;
  readonly secret?: Uint8Array;
  readonly plan?: Partial<Plan>;
}

/** A gateway's side of grants and a worker's, that speak to each other in JSON. Both end with the test. */
export async function grantService(parts: GrantParts) {
  const records = parts.records ?? memoryRecords();
  const clock = { now: Date.now() };
  const now = () => clock.now;
  const { bytes, secret = randomBytes(32) } = parts;
  const files = createFileStore({ bytes, contents: records.contents, leases: records.leases, now });
  await files.start();
  const plan: Plan = {
    limits: testLimits,
    maxWallMs: 60_000,
    tier: 'namespaces',
    otherTiers: [],
    running: undefined,
    waiting: 100,
    storedBytes: 64 * 1024 ** 2,
    storedFiles: 1000,
    rates: { exec: null, upload: null, download: null, list: null },
    ...parts.plan,
  };
  const plans = new Map([[defaultPlan, plan]]);
  const limits = { maxFileBytes: 64 * 1024 ** 2, maxUploadFiles: 10, retentionMs: 24 * 3_600_000 };
  const fileService = new FileService({ files, records, usage: { record() {} }, plans, ...limits, now });
  const direct = bytes.direct!;
  const shared = { direct, holds: records.jobHolds, secret, now };
  const jobFiles = new GrantedJobFiles({ ...shared, fileService, logger });
  /** Of jobs without a session: which seat has begun each; all others are in `seatOfTest`. */
  const begun = new Map<string, string>();
  const granting = new GrantDesk({
    ...shared,
    hasWork: async (seat, { jobId, session: at }) =>
      seat === (at ? at.worker.split('.')[0] : (begun.get(jobId) ?? seatOfTest)),
  });
  const desk = {
    granting,
    answer: (question: unknown, seat = seatOfTest) => granting.answer(question, seat),
  };
  const asked: GrantAsk[] = [];
  const ask = async (question: GrantAsk): Promise<Granted> => {
    asked.push(question);
    return JSON.parse(JSON.stringify(await desk.answer(JSON.parse(JSON.stringify(question)))));
  };
  const newWorker = async (cacheBytes = 16 * 1024 ** 2) => {
    const directory = await mkdtemp(join(tmpdir(), 'dragoman-worker-files-'));
    const worker = new WorkerFiles({ ask, directory, cacheBytes });
    await worker.start();
    onTestFinished(async () => {
      worker.close();
      await rm(directory, { recursive: true, force: true });
    });
    return worker;
  };
  /** A job of its own of this principal, and how its worker asks. */
  const job = (owner: string, digests: readonly string[] = [], session: SessionRef | null = null) => {
    const jobId = newId();
    const set = fileService.newSet(principalOf(owner), jobId, { kind: 'user' });
    const pass = jobFiles.begin(jobId, { set, maxBytes: 8 * 1024 ** 2 }, { session, digests });
    return {
      use: { jobId, owner, pass },
      pass,
      set,
      record: async () => {
        const stored = [...(await jobFiles.stored(jobId)).values()];
        await fileService.record(set, stored);
        return stored;
      },
    };
  };
  /** A session with these files of its owner's. */
  const session = async (owner: string, contents: readonly Uint8Array[]): Promise<SessionRecord> => {
    const { id: principalId, tenant } = principalOf(owner);
    const set = fileService.newSet(principalOf(owner), newId(), { kind: 'user' });
    const record: SessionRecord = {
      ...{
        id: set.id,
        tenant,
        principalId,
        name: null,
        createdAt: now(),
        lastActiveAt: now(),
        expiresAt: set.expiresAt,
      },
      ...{
        idleMs: 1000,
        lifeMs: 1000,
        memoryBytes: 1,
        endsAt: null,
        face: null,
        notes: {},
        plan: null,
        tier: null,
        metadata: {},
      },
      ...{ ran: [], kernels: [], folders: [], worker: null, epoch: 1, holder: null, turn: 0 },
    };
    await records.sessions.create(record);
    const stored = await Promise.all(
      contents.map((content, index) =>
        fileService.put(
          set,
          { name: `f${index}`, contentType: undefined, readOnly: false, source: 'user', content },
          limits.maxFileBytes,
        ),
      ),
    );
    if (stored.length > 0) await fileService.revise(set, { added: stored, superseded: [] });
    return record;
  };
  onTestFinished(async () => {
    await jobFiles.close();
    await files.close();
    await records.close();
  });
  return {
    records,
    fileService,
    jobFiles,
    desk,
    begun,
    ask,
    asked,
    newWorker,
    job,
    session,
    clock,
    secret,
    bytes,
    direct,
    files,
  };
}
