import {
  DragomanError,
  FairStore,
  isId,
  jsonLength,
  type Logger,
  type Principal,
  weightOf,
  within,
} from '../../core/index.ts';
import type { Document, Documents } from '../../stores/index.ts';
import type { ExecutionNote, Peers } from '../peers/peers.ts';
import type { PeerQuestion } from '../peers/questions.ts';
import { DistantExecution, type DistantParts } from './distant-execution.ts';
import type { Execution, ExecutionWatch, RunningExecution, WatchedExecution } from './executions.ts';
import type { ExecutionState } from './job-reading.ts';
import { SessionWatch } from './session-watch.ts';
import type { TrackedExecution } from './tracked-execution.ts';

/** Finished executions of all principals that can be asked for by id, besides their events. */
const maxRemembered = 1000;
const maxRememberedBytes = 64 * 1024 * 1024;
const rememberedMs = 10 * 60_000;
/** How much of one execution is written down: a larger one is written without its rich outputs. */
const maxWrittenBytes = 4 * 1024 * 1024;
/** Finished executions are written together this often, because no caller waits for it. */
const writeIntervalMs = 500;
/** Executions of one session that its history tells of, and the bytes of all of them: the latest ones count. */
const maxHistory = 1000;
const maxHistoryBytes = 64 * 1024 * 1024;
/** Read together: one may be as large as a request and what is written of an execution. */
const historyPage = 4;

/** How long another gateway may wait for an end with one question. */
const maxEndWaitMs = 5000;

/** Of the notes of a dialect that other gateways get, in case this one dies. */
const maxNotesBytes = 64 * 1024;

const kind = 'execution';

interface Written {
  readonly code: string;
  readonly execution: Execution;
  /** Number of its last event. */
  readonly last: number;
}

/**
 * Finds executions by id: those under way and, for some minutes, those that have ended, in the memory of this process and bounded by
 * share; those of sessions also as documents, for as long as the session.
 */
export class ExecutionLog implements ExecutionWatch {
  readonly #documents: Documents;
  readonly #logger: Logger;
  /** Under way: as many as are admitted or wait. */
  readonly #running = new Map<string, TrackedExecution>();
  /** Of those under way: numbers in the order they were asked for. */
  readonly #serials = new WeakMap<TrackedExecution, number>();
  #serial = 0;
  readonly #untold = new Set<string>();
  readonly #ended = new FairStore<TrackedExecution>({
    maxEntries: maxRemembered,
    maxBytes: maxRememberedBytes,
    ttlMs: rememberedMs,
  });
  readonly #watch = new SessionWatch();
  #unwritten: Document[] = [];
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  readonly #distant: DistantParts;
  #settle: DistantParts['settle'] = async () => {};

  constructor(options: { documents: Documents; logger: Logger; peers: Peers; runner: DistantParts['runner'] }) {
    const { peers, runner } = options;
    const recorded = async (id: string) => (await this.#written(id))?.execution;
    this.#distant = { peers, runner, recorded, settle: (id) => this.#settle(id) };
    this.#documents = options.documents;
    this.#logger = options.logger;
  }

  /** Names who records executions whose gateway has died. */
  connect(settle: DistantParts['settle']): void {
    this.#settle = settle;
  }

  /** Remembers an execution; with `until` (milliseconds since the epoch) also as a document, until then. */
  add(execution: TrackedExecution, until: number | undefined): void {
    const { sessionId, code } = execution;
    this.#running.set(execution.id, execution);
    this.#serials.set(execution, ++this.#serial);
    this.#note(execution, until !== undefined);
    this.#watch.tell(sessionId, { phase: 'begun', execution, code });
    execution.done
      .then((ended) => {
        if (until !== undefined) this.#write(execution, ended, until);
      })
      .catch(() => {})
      .finally(() => {
        this.#running.delete(execution.id);
        this.#ended.set(keyOf(execution.principal, execution.id), execution, execution.bytes);
        this.#watch.tell(sessionId, { phase: 'ended', execution, code });
      });
  }

  /** One that is no part of its session's history: it is there until it ends, and no watcher hears of it. */
  addUntold(execution: TrackedExecution): void {
    this.#running.set(execution.id, execution);
    this.#untold.add(execution.id);
    const forget = () => {
      this.#running.delete(execution.id);
      this.#untold.delete(execution.id);
    };
    execution.done.then(forget, forget);
  }

  /** Of all principals: those under way, in the order they were asked for. */
  *underWay(): Generator<{ readonly execution: TrackedExecution; readonly serial: number }> {
    for (const execution of this.#running.values()) {
      const serial = this.#serials.get(execution);
      if (serial !== undefined) yield { execution, serial };
    }
  }

  /** One of this principal's that is in memory. */
  tracked(principal: Principal, id: string): TrackedExecution | undefined {
    const running = this.#running.get(id);
    if (!running) return this.#ended.get(keyOf(principal, id));
    return isOf(principal, running.principal.tenant, running.principal.id) ? running : undefined;
  }

  /** The executions of a session: those under way, then each that begins and ends, until `signal` aborts. */
  watch(sessionId: string, signal: AbortSignal): AsyncIterable<WatchedExecution> {
    const underWay = [...this.#running.values()].filter(
      (execution) => execution.sessionId === sessionId && !this.#untold.has(execution.id),
    );
    const first = underWay.map((execution) => ({ phase: 'begun' as const, execution, code: execution.code }));
    return this.#watch.follow(sessionId, first, signal);
  }

  /** @throws DragomanError not_found, for another principal's as well */
  async find(principal: Principal, id: string): Promise<RunningExecution> {
    const tracked = this.tracked(principal, id);
    if (tracked) return tracked;
    await this.flush();
    const isKnown = isId(id) && !this.#running.has(id);
    const document = isKnown ? await this.#documents.get(kind, id) : undefined;
    if (document && isOf(principal, document.tenant, document.principalId)) {
      const { execution, last } = document.body as Written;
      // Its events are kept for some minutes by the runner, whichever gateway began it.
      return (await this.#elsewhere(principal, id).catch(() => undefined)) ?? finished(execution, last);
    }
    const elsewhere = isKnown && !document ? await this.#elsewhere(principal, id) : undefined;
    if (!elsewhere) throw new DragomanError('not_found', { message: 'Execution not found' });
    return elsewhere;
  }

  /** Does what another gateway asks about an execution that was begun here. Undefined: it is no such question. */
  async answer(question: PeerQuestion): Promise<unknown> {
    if (!('id' in question)) return undefined;
    const { id } = question;
    const execution = this.#running.get(id) ?? this.#ended.values().find((each) => each.id === id);
    if (!execution) return question.type === 'settled' ? true : null;
    switch (question.type) {
      case 'state': {
        const { status, pending, last } = execution;
        return { status, pending, last } satisfies ExecutionState;
      }
      case 'settled':
        return (await within(this.settled(id), Math.min(question.waitMs, maxEndWaitMs))) ?? false;
      case 'end':
        return (await within(execution.done, Math.min(question.waitMs, maxEndWaitMs))) ?? null;
      case 'answer':
        await execution.answer(question.results);
        return null;
      case 'cancel':
        execution.cancel();
        return null;
      case 'interrupt':
        await execution.interrupt();
        return null;
    }
  }

  /** Resolves with true when this gateway has nothing more to do for an execution of its own. Never rejects. */
  settled(id: string): Promise<true> {
    const done = this.#running.get(id)?.done.then(() => {});
    return Promise.resolve(done?.catch(() => {})).then(() => true);
  }

  /** Whether it has ended and can be found by its id, through any gateway. */
  async isWritten(id: string): Promise<boolean> {
    return (await this.#written(id)) !== undefined;
  }

  /** Writes down an execution of another gateway, which has died, until then, unless it is written. */
  async writeLate(owner: Pick<Principal, 'id' | 'tenant'>, written: Written, until: number): Promise<void> {
    const { id } = written.execution;
    if (await this.isWritten(id)) return;
    try {
      await this.#documents.putAll([documentOf(owner, written, until)]);
    } catch (error) {
      if (!(error instanceof DragomanError) || error.retryable) throw error;
      this.#logger.warn({ execution: id, error: error.message }, 'a finished execution was not written');
    }
  }

  /** What other gateways know of one of this principal's that is not of this gateway. */
  async noteOf(principal: Principal, id: string): Promise<ExecutionNote | undefined> {
    const { peers } = this.#distant;
    if (peers.id === null || !isId(id)) return undefined;
    const note = await peers.find(id);
    const isOurs = note && note.gateway !== peers.id && isOf(principal, note.tenant, note.principalId);
    return isOurs ? note : undefined;
  }

  /** One that another gateway has begun. Undefined: nothing of it is known any more. */
  distant(note: ExecutionNote): Promise<DistantExecution | undefined> {
    return DistantExecution.find(note, this.#distant);
  }

  async #elsewhere(principal: Principal, id: string): Promise<RunningExecution | undefined> {
    const note = await this.noteOf(principal, id);
    return note && this.distant(note);
  }

  async #written(id: string): Promise<Written | undefined> {
    return (await this.#documents.get(kind, id))?.body as Written | undefined;
  }

  /** Lets other gateways know of it. */
  #note(execution: TrackedExecution, inSession: boolean): void {
    const { peers } = this.#distant;
    if (peers.id === null) return;
    const { id, sessionId, language, tier, owner, principal, begunAt, notes } = execution;
    const { tenant, id: principalId, authContext } = principal;
    const facts = { id, tenant, principalId, owner, sessionId, inSession, language, tier, begunAt };
    const note = { ...facts, gateway: peers.id };
    const isSmall = execution.hasTools && jsonLength(notes) <= maxNotesBytes;
    peers.note({ ...note, ...(authContext === undefined ? {} : { authContext }), ...(isSmall ? { notes } : {}) });
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
        this.#ended.delete(keyOf(principal, id));
      }
      if (documents.length < 100) return;
    }
  }

  /** Ends what runs. Resolves when all of it has ended. */
  async cancelAll(): Promise<void> {
    const running = [...this.#running.values()];
    for (const execution of running) execution.cancel();
    await Promise.allSettled(running.map(({ done }) => done));
  }

  /** Resolves when everything that is to be written is written. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const documents = this.#unwritten;
    this.#unwritten = [];
    // One transaction per owner: an owner whose quota is used up costs no other owner its documents.
    for (const own of Map.groupBy(documents, ({ tenant, principalId }) => `${tenant} ${principalId}`).values()) {
      this.#writing = this.#writing
        .then(() => this.#documents.putAll(own))
        .catch((error) =>
          this.#logger.error({ count: own.length, error: String(error) }, 'finished executions were not written'),
        );
    }
    return this.#writing;
  }

  #write({ principal, code, last }: TrackedExecution, execution: Execution, until: number): void {
    this.#unwritten.push(documentOf(principal, { code, execution, last }, until));
    this.#timer ??= setTimeout(() => void this.flush(), writeIntervalMs);
  }
}

function documentOf(
  { tenant, id: principalId }: Pick<Principal, 'id' | 'tenant'>,
  { code, execution, last }: Written,
  until: number,
): Document {
  return {
    ...{ kind, id: execution.id, tenant, principalId },
    name: execution.sessionId,
    createdAt: execution.startedAt,
    expiresAt: until,
    body: { code, execution: abridged(execution), last } satisfies Written,
  };
}

function keyOf({ tenant, id: principalId }: Pick<Principal, 'id' | 'tenant'>, id: string) {
  return { tenant, principalId, id };
}

function isOf(principal: Principal, tenant: string, id: string): boolean {
  return principal.tenant === tenant && principal.id === id;
}

function abridged(execution: Execution): Execution {
  const { result } = execution;
  return jsonLength(result.outputs) <= maxWrittenBytes
    ? execution
    : { ...execution, result: { ...result, outputs: [], outputsTruncated: true } };
}

/** An execution that ended long ago: only its end is known. */
function finished(execution: Execution, last: number): RunningExecution {
  return {
    id: execution.id,
    sessionId: execution.sessionId,
    language: execution.language,
    status: 'done',
    pending: [],
    last,
    async *events() {},
    done: Promise.resolve(execution),
    async answer() {
      throw new DragomanError('conflict', { message: 'The execution has ended.' });
    },
    cancel() {},
    async interrupt() {},
  };
}
