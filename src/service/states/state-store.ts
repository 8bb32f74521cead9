import {
  boundedObject,
  DragomanError,
  newId,
  type Plans,
  type Principal,
  planOf,
  printable,
  type StateReport,
  type StoredFile,
  stateReportOf,
  wholeSession,
} from '../../core/index.ts';
import type { Runner, SavedState, SessionRef } from '../../runner/index.ts';
import type { KernelStateRecord, Records, SessionRecord } from '../../stores/index.ts';
import type { JobStorage } from '../executions/job-storage.ts';
import type { FileService } from '../files/file-service.ts';

export interface StateStoreOptions {
  readonly runner: Runner;
  readonly records: Records;
  readonly fileService: FileService;
  readonly jobFiles: JobStorage;
  readonly plans: Plans;
  /** Of the variables of one kernel. */
  readonly stateBytes: number;
  /** How long saving one kernel may take. */
  readonly stateSaveMs: number;
  /** Of a checkpoint of a whole session. */
  readonly checkpointBytes: number;
  /** How long writing and storing one may take. */
  readonly checkpointSaveMs: number;
  readonly now: () => number;
}

/** Saved variables larger than this are not listed by name. */
const maxManifestBytes = 4 * 1024 * 1024;

/** What one save came to. */
export interface SaveEnd {
  readonly saved: readonly KernelStateRecord[];
  readonly lost: readonly SavedState[];
}

/**
 * Saved variables as they are stored: each kernel's bytes are the files of a file set that no list shows, counted like all files of
 * their owner.
 */
export class StateStore {
  readonly #options: StateStoreOptions;

  constructor(options: StateStoreOptions) {
    this.#options = options;
  }

  list(sessionId: string): Promise<KernelStateRecord[]> {
    return this.#options.records.states.list(sessionId);
  }

  /**
   * Has the runner save what has changed of a session, and records it in place of what was there.
   * @param executions the last execution of each kernel, and of them all
   * @param mostMs for all of it; absent: as configured
   * @param again also what the runner has saved already
   * @throws DragomanError storage_unavailable; not_found when the session is gone
   */
  async save(
    principal: Principal,
    record: SessionRecord,
    ref: SessionRef,
    executions: ReadonlyMap<string, string>,
    { mostMs = Number.POSITIVE_INFINITY, again = false } = {},
  ): Promise<SaveEnd> {
    const { runner, fileService, jobFiles, stateBytes, stateSaveMs, checkpointBytes, checkpointSaveMs, now } =
      this.#options;
    const deadlineMs = Math.min(mostMs, stateSaveMs);
    const checkpointMs = Math.min(mostMs, checkpointSaveMs);
    const before = await this.list(record.id);
    const set = fileService.opened(principal, { ...this.#set(record), id: newId() });
    // What is there now goes when the new bytes are recorded: until then both are on the disk.
    const room = before.reduce((sum, { bytes }) => sum + 2 * bytes, 0);
    const id = newId();
    const roomier = { ...set, quota: { ...set.quota, bytes: set.quota.bytes + room } };
    const pass = jobFiles.begin(id, { set: roomier, maxBytes: stateBytes }, { session: ref, digests: [] });
    try {
      const checkpoint = { deadlineMs: checkpointMs, maxBytes: checkpointBytes };
      const results = await runner.saveStates(ref, { id, again, deadlineMs, maxBytes: stateBytes, checkpoint, pass });
      const stored = results.some((result) => result.ref) ? [...(await jobFiles.stored(id))] : [];
      const saved: KernelStateRecord[] = [];
      const lost: SavedState[] = [];
      for (const result of results) {
        const { kernel, ref: manifest, bytes, report } = result;
        if (!manifest) {
          lost.push(result);
          continue;
        }
        const files = stored.flatMap(([path, file]) => (path.startsWith(`${kernel}/`) ? [file] : []));
        const state: KernelStateRecord = {
          ...{ kernel, setId: stateSetId(), ...manifest, bytes, savedAt: now() },
          execution: executions.get(kernel) ?? null,
          variables: report?.variables ?? 0,
          isBehind: false,
          failures: 0,
        };
        try {
          await this.#record(principal, { id: record.id, epoch: ref.epoch }, record, state, files);
          saved.push(state);
        } catch (error) {
          if (!(error instanceof DragomanError) || error.code !== 'quota_exceeded') throw error;
          lost.push({ ...result, ref: null, loss: { reason: 'quota', message: error.message } });
        }
      }
      await this.#replace(record.id, before, saved);
      return { saved, lost };
    } finally {
      jobFiles.end(id);
    }
  }

  /** A checkpoint and states of kernels stand side by side where they were saved together. */
  async #replace(sessionId: string, before: readonly KernelStateRecord[], saved: readonly KernelStateRecord[]) {
    if (saved.length === 0) return;
    const isWhole = saved.some(({ kernel }) => kernel === wholeSession);
    const areKernels = saved.some(({ kernel }) => kernel !== wholeSession);
    const isLater = (kernel: string) => (kernel === wholeSession ? isWhole : areKernels);
    const gone = before.map(({ kernel }) => kernel).filter((kernel) => !isLater(kernel));
    if (gone.length > 0) await this.discard(sessionId, gone);
  }

  /** Gives a fork the saved variables of the session it is made of: the same bytes, without a copy. @throws DragomanError quota_exceeded */
  async copy(principal: Principal, states: readonly KernelStateRecord[], to: SessionRecord): Promise<void> {
    const { records } = this.#options;
    for (const state of states) {
      const files = await records.files.list(state.setId);
      await this.#record(principal, to, to, { ...state, setId: stateSetId(), execution: null, failures: 0 }, files);
    }
  }

  async discard(sessionId: string, kernels?: readonly string[]): Promise<void> {
    const removed = await this.#options.records.states.delete(sessionId, kernels);
    if (removed > 0) await this.#options.fileService.collect();
  }

  note(...change: Parameters<Records['states']['note']>): Promise<void> {
    return this.#options.records.states.note(...change);
  }

  /** What a saved state says of itself. It was written in a sandbox: it is bounded and printable. */
  async shown({
    kernel,
    digest,
    size,
  }: KernelStateRecord): Promise<{ report: StateReport | null; versions: Record<string, string> }> {
    if (kernel === wholeSession || size > maxManifestBytes) return { report: null, versions: {} };
    const parts: Uint8Array[] = [];
    for await (const part of await this.#options.fileService.content(digest)) parts.push(part as Uint8Array);
    // The manifest is the worker's; the head in it is text of the sandbox.
    const manifest = JSON.parse(Buffer.concat(parts).toString('utf8')) as { state: { head: string } };
    const head = boundedObject(Buffer.from(manifest.state.head));
    const versions = Object.entries(head?.versions ?? {})
      .slice(0, 64)
      .flatMap(([name, version]) =>
        typeof version === 'string' ? [[printable(name, 100), printable(version, 100)] as const] : [],
      );
    return { report: head ? stateReportOf(head.report) : null, versions: Object.fromEntries(versions) };
  }

  #record(
    principal: Principal,
    session: { readonly id: string; readonly epoch: number },
    record: SessionRecord,
    state: KernelStateRecord,
    files: readonly StoredFile[],
  ): Promise<void> {
    const set = { ...this.#set(record), id: state.setId };
    const own = files.map((file) => ({ ...file, sessionId: set.id }));
    const { storedBytes: bytes, storedFiles } = planOf(this.#options.plans, principal);
    return this.#options.records.states.save(session, state, {
      set,
      files: own,
      quota: { bytes, files: storedFiles },
    });
  }

  #set({ tenant, principalId, expiresAt }: SessionRecord) {
    return { tenant, principalId, expiresAt, scope: { kind: 'user' } as const, createdAt: this.#options.now() };
  }
}

/** No id of a file set that callers could name. */
function stateSetId(): string {
  return `state-${newId()}`;
}
