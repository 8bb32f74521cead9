import { DragomanError, isId, type Logger, type Principal, weightOf } from '../../core/index.ts';
import type { Document, Documents } from '../../stores/index.ts';
import type { CellExecution, RunningExecution } from '../sessions/sessions.ts';
import type { TrackedExecution } from './running-execution.ts';

/** Finished executions kept with all their events. */
const maxRemembered = 1000;
const maxRememberedBytes = 128 * 1024 * 1024;
const rememberedMs = 10 * 60_000;
/** How much of one execution is written down: what is larger is written without its rich outputs. */
const maxWrittenBytes = 4 * 1024 * 1024;
/** Written together this often: nobody waits for it. */
const writeIntervalMs = 500;
/** Executions of one session that its history tells of, and what all of them may hold: the latest count. */
const maxHistory = 1000;
const maxHistoryBytes = 64 * 1024 * 1024;
/** Read together: one may be as large as a request and what is written of an execution. */
const historyPage = 4;

const kind = 'execution';

interface Written {
  readonly code: string;
  readonly execution: CellExecution;
  /** Number of its last event. */
  readonly last: number;
}

/** Remembers executions: for some minutes with all they said, and those of sessions for longer as they ended. */
export class ExecutionLog {
  readonly #documents: Documents;
  readonly #logger: Logger;
  readonly #tracked = new Map<string, TrackedExecution>();
  /** Those of them that have ended, in the order they did, and what their events hold. */
  readonly #ended = new Map<string, { readonly at: number; readonly bytes: number }>();
  #endedBytes = 0;
  #unwritten: Document[] = [];
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { documents: Documents; logger: Logger }) {
    this.#documents = options.documents;
    this.#logger = options.logger;
  }

  /** Remembers an execution; with `until` (milliseconds since the epoch) also as it ended, until then. */
  add(execution: TrackedExecution, until: number | undefined): void {
    this.#tracked.set(execution.id, execution);
    execution.done
      .then((ended) => {
        if (until !== undefined) this.#write(execution, ended, until);
      })
      .catch(() => {})
      .finally(() => {
        this.#end(execution);
      });
  }

  /** @throws DragomanError not_found, for another's as well */
  async find(principal: Principal, id: string): Promise<RunningExecution> {
    const tracked = this.#tracked.get(id);
    if (tracked && isOf(principal, tracked.principal.tenant, tracked.principal.id)) return tracked;
    await this.flush();
    const document = isId(id) && !tracked ? await this.#documents.get(kind, id) : undefined;
    if (!document || !isOf(principal, document.tenant, document.principalId))
      throw new DragomanError('not_found', { message: 'Execution not found' });
    const { execution, last } = document.body as Written;
    return finished(execution, last);
  }

  /** The executions of a session as they ended, oldest first: the latest of them, where there are many or large ones. */
  async history(principal: Principal, sessionId: string): Promise<Written[]> {
    await this.flush();
    const latest: Written[] = [];
    let bytes = 0;
    for (let after: string | undefined; latest.length < maxHistory; ) {
      const page = { limit: historyPage, order: 'desc', name: sessionId, after } as const;
      const documents = await this.#documents.list(kind, principal, page);
      for (const { body } of documents) {
        bytes += weightOf(body);
        if (bytes > maxHistoryBytes) return latest.reverse();
        latest.push(body as Written);
      }
      if (documents.length < historyPage) break;
      after = documents.at(-1)!.id;
    }
    return latest.reverse();
  }

  async deleteHistory(principal: Principal, sessionId: string): Promise<void> {
    await this.flush();
    for (;;) {
      const documents = await this.#documents.list(kind, principal, { limit: 100, order: 'asc', name: sessionId });
      for (const { id } of documents) {
        await this.#documents.delete(kind, id);
        this.#forget(id);
      }
      if (documents.length < 100) return;
    }
  }

  /** Ends what runs. */
  cancelAll(): void {
    for (const execution of this.#tracked.values()) execution.cancel();
  }

  /** Resolves when everything that is to be written down is. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const documents = this.#unwritten;
    this.#unwritten = [];
    // Each owner by itself: one that has no more room is nobody else's loss.
    for (const own of Map.groupBy(documents, ({ tenant, principalId }) => `${tenant} ${principalId}`).values()) {
      this.#writing = this.#writing
        .then(() => this.#documents.putAll(own))
        .catch((error) =>
          this.#logger.error({ count: own.length, error: String(error) }, 'finished executions were not written down'),
        );
    }
    return this.#writing;
  }

  #write({ id, sessionId, principal, code, last }: TrackedExecution, execution: CellExecution, until: number): void {
    this.#unwritten.push({
      kind,
      id,
      tenant: principal.tenant,
      principalId: principal.id,
      name: sessionId,
      createdAt: execution.startedAt,
      expiresAt: until,
      body: { code, execution: abridged(execution), last } satisfies Written,
    });
    this.#timer ??= setTimeout(() => void this.flush(), writeIntervalMs);
  }

  /** Counts it among those that have ended, and forgets the oldest where they are too many. */
  #end({ id, bytes }: TrackedExecution): void {
    const now = performance.now();
    this.#ended.set(id, { at: now, bytes });
    this.#endedBytes += bytes;
    for (const [oldest, { at }] of this.#ended) {
      const isRoom = this.#ended.size <= maxRemembered && this.#endedBytes <= maxRememberedBytes;
      if (isRoom && now - at < rememberedMs) return;
      this.#forget(oldest);
    }
  }

  #forget(id: string): void {
    this.#tracked.delete(id);
    this.#endedBytes -= this.#ended.get(id)?.bytes ?? 0;
    this.#ended.delete(id);
  }
}

function isOf(principal: Principal, tenant: string, id: string): boolean {
  return principal.tenant === tenant && principal.id === id;
}

function abridged(execution: CellExecution): CellExecution {
  const { result } = execution;
  const size = JSON.stringify(result.outputs).length;
  return size <= maxWrittenBytes
    ? execution
    : { ...execution, result: { ...result, outputs: [], outputsTruncated: true } };
}

/** One that ended long ago, of which only the end is known. */
function finished(execution: CellExecution, last: number): RunningExecution {
  return {
    id: execution.id,
    sessionId: execution.sessionId,
    language: execution.language,
    status: 'done',
    pending: [],
    last,
    async *events() {},
    done: Promise.resolve(execution),
    answer() {
      throw new DragomanError('conflict', { message: 'The execution is done.' });
    },
    cancel() {},
  };
}
