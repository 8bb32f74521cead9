import { DragomanError, newId, type Plans, type Principal, planOf, type StoredFile } from '../../core/index.ts';
import type { Runner, SessionOrder, SessionRef } from '../../runner/index.ts';
import { fileSetOf } from '../../stores/index.ts';
import type { JobStorage } from '../executions/job-storage.ts';
import { ownerOf } from '../executions/owner.ts';
import { recordFiles } from '../executions/recording.ts';
import { requireTier, tierOfSession } from '../tiers.ts';
import type { OpenSession } from './open-session.ts';
import type { SessionDirectory, SessionDirectoryOptions } from './session-directory.ts';
import { jobInputs } from './session-files.ts';

export interface SessionSandboxesOptions extends SessionDirectoryOptions {
  readonly runner: Runner;
  readonly plans: Plans;
  readonly jobFiles: JobStorage;
  /** What a new sandbox goes on from. */
  readonly checkpointOf: (principal: Principal, session: OpenSession) => Promise<SessionOrder['checkpoint']>;
}

/** Paths of the workspace that became the session's files, or are no longer. */
export interface WorkspaceChange {
  readonly changed: readonly string[];
  readonly deleted: readonly string[];
}

const nothing: WorkspaceChange = { changed: [], deleted: [] };
/** How often a sandbox is made for work that finds none: another session may take its place in between. */
const maxAttempts = 3;

/** The sandboxes of sessions for what happens beside executions: makes them, and keeps what changed in their workspaces. */
export class SessionSandboxes {
  readonly #options: SessionSandboxesOptions;
  readonly #directory: SessionDirectory;
  /** Collections that wait for their turn, by session. */
  readonly #waiting = new Map<string, Promise<WorkspaceChange>>();

  constructor(options: SessionSandboxesOptions, directory: SessionDirectory) {
    this.#options = options;
    this.#directory = directory;
  }

  /**
   * Works in a session's sandbox, which is made where there is none. `work` answers null when it has found none.
   * @throws DragomanError not_found, session_expired, overloaded, sandbox_unavailable
   */
  use<T>(
    principal: Principal,
    sessionId: string,
    work: (ref: SessionRef, session: OpenSession) => Promise<T | null>,
  ): Promise<T> {
    return this.#directory.use(principal, sessionId, async (session) => {
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const done = session.ref ? await work(session.ref, session) : null;
        if (done !== null) return done;
        await session.inTurn(() => this.#open(principal, session));
      }
      throw new DragomanError('overloaded', {
        message: 'The session loses its sandbox again and again.',
        retryAfterSeconds: 5,
      });
    });
  }

  /**
   * Makes what changed in the workspace the session's files, in the session's turn. Never rejects: what cannot be kept now is found again
   * after the next execution.
   */
  collect(principal: Principal, session: OpenSession): Promise<WorkspaceChange> {
    const { id } = session.record;
    const waiting = this.#waiting.get(id);
    if (waiting) return waiting;
    const collected = session
      .inTurn(() => {
        this.#waiting.delete(id);
        return this.#collect(principal, session);
      })
      .catch((error) => {
        if (!(error instanceof DragomanError))
          this.#options.logger.error({ session: id, error: String(error) }, 'files of a session were not collected');
        return nothing;
      })
      .finally(() => {
        if (this.#waiting.get(id) === collected) this.#waiting.delete(id);
      });
    this.#waiting.set(id, collected);
    return collected;
  }

  async #open(principal: Principal, session: OpenSession): Promise<void> {
    const { runner, jobFiles, plans, now } = this.#options;
    const { record, files } = session;
    const { limits } = planOf(plans, principal);
    const tier = tierOfSession(plans, principal, record.tier);
    await requireTier(runner, tier);
    const checkpoint = await this.#options.checkpointOf(principal, session);
    await this.#directory.placed(session, tier, (ref) =>
      runner.openSession({
        session: ref,
        owner: ownerOf(principal),
        idleMs: Math.min(record.idleMs, Math.max(0, record.expiresAt - now())),
        inputs: jobInputs(files.all()),
        folders: record.folders,
        limits: { ...limits, memoryBytes: Math.min(limits.memoryBytes, record.memoryBytes) },
        ...(checkpoint ? { checkpoint } : {}),
        tier,
        pass: jobFiles.read(record.id, { session: ref, digests: [] }),
      }),
    );
  }

  async #collect(principal: Principal, session: OpenSession): Promise<WorkspaceChange> {
    const { runner, jobFiles, fileService, plans, logger } = this.#options;
    const { ref, files, record } = session;
    if (session.isDeleted || !ref) return nothing;
    const jobId = newId();
    const set = fileService.opened(principal, fileSetOf(record));
    const maxBytes = planOf(plans, principal).limits.artifactBytes;
    const pass = jobFiles.begin(jobId, { set, maxBytes }, { session: ref, digests: [] });
    try {
      const readOnly = files.all().flatMap((file) => (file.readOnly ? [file.name] : []));
      const ending = await runner.collect(ref, jobId, readOnly, pass);
      if (!ending || session.isDeleted) return nothing;
      if (ending.folders) session.noteFolders(ending.folders);
      const recording = {
        ending,
        stored: () => jobFiles.stored(jobId),
        before: (path: string) => files.refAt(path),
        record: async (added: readonly StoredFile[], deleted: readonly string[]) =>
          void (await files.record(set, added, deleted, { epoch: ref.epoch })),
      };
      const recorded = await recordFiles(recording, logger);
      const changed = recorded.files.flatMap((each) => (each.change === 'inherited' ? [] : [each.file.name]));
      return { changed, deleted: recorded.deleted };
    } finally {
      jobFiles.end(jobId);
    }
  }
}
