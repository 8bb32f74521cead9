import { setTimeout as sleep } from 'node:timers/promises';
import { DragomanError, type StoredFile, within } from '../../core/index.ts';
import type { Runner } from '../../runner/index.ts';
import type { Records, SessionRecord } from '../../stores/index.ts';
import { PeerSilent, type Peers } from '../peers/peers.ts';
import type { TurnGiven, UnsavedVariables } from '../peers/questions.ts';
import { type OpenSession, placeOf } from './open-session.ts';

export interface SessionTurnsOptions {
  readonly peers: Peers;
  readonly records: Pick<Records, 'sessions' | 'files'>;
  readonly runner: Pick<Runner, 'sessions'>;
  readonly queueWaitMs: number;
  /** This gateway has the turn of a session: another one has told which variables are not saved, or could not tell. */
  readonly got: (session: OpenSession, unsaved: UnsavedVariables | 'unknown' | undefined) => void;
  /** A session that is open here, or will be in a moment. It stays open until `close`. */
  readonly open: (id: string) => Promise<OpenSession | undefined>;
  readonly close: (session: OpenSession) => void;
  /**
   * Records what a gateway that has died has left of a session, in its turn still, once the session is filled with what is recorded.
   * False: that is not known yet.
   */
  readonly settle: (session: OpenSession, found: SessionRecord) => Promise<boolean>;
  /** Writes what is not written, and forgets what is at hand. */
  readonly leave: (id: string) => Promise<void>;
  /** Resolves when its variables are not being saved, or no longer. */
  readonly saved: (id: string) => Promise<void>;
  /** Its variables that are not saved are another gateway's to save from now on. */
  readonly left: (id: string) => UnsavedLeft | undefined;
}

/** Variables that another gateway is to save. */
export interface UnsavedLeft {
  readonly unsaved: UnsavedVariables;
  /** It has not taken them. */
  keep(): void;
}

/** Keeps which variables of sessions are not saved yet. */
export interface UnsavedKeeper {
  /** Another gateway has kept them until now. @param unsaved `unknown`: it could not tell, and there may be some */
  adopt(session: OpenSession, unsaved: UnsavedVariables | 'unknown'): void;
  /** Resolves when none are being saved, or no longer. Never rejects. */
  saved(id: string): Promise<void>;
  /** Another gateway keeps them from now on. */
  release(id: string): UnsavedLeft | undefined;
  /** The session moves to another worker. */
  saveBeforeMove(session: OpenSession): Promise<void>;
}

/** How long the gateway whose turn it is may take over one answer: it waits for the end of what runs. */
const answerMs = 2000;
const retryMs = 100;
/** How long another gateway waits for what runs in a session before its turn is refused for now. */
const restMs = 1500;

/**
 * Whose turn it is to work with a session, where several gateways share it. The turn is in the session's row. It stays with a gateway
 * until another one asks for it, and is given away between two executions. The turn of a gateway that has died is taken, once
 * nothing of it runs.
 */
export class SessionTurns {
  readonly #options: SessionTurnsOptions;
  /** Turns that are being given away, by session. */
  readonly #giving = new Map<string, Promise<unknown>>();

  constructor(options: SessionTurnsOptions) {
    this.#options = options;
  }

  /**
   * Gets the turn of a session, and what is recorded of it by now.
   * @throws DragomanError session_busy when another gateway works with it for too long; not_found; cancelled
   */
  async take(session: OpenSession, signal: AbortSignal | undefined): Promise<void> {
    const { queueWaitMs, records, peers } = this.#options;
    const own = peers.id!;
    const deadline = AbortSignal.timeout(queueWaitMs);
    const until = signal ? AbortSignal.any([signal, deadline]) : deadline;
    let unsaved: UnsavedVariables | 'unknown' | undefined;
    while (!until.aborted) {
      await session.leaving;
      const found = await records.sessions.find(session.record.id);
      if (!found) throw new DragomanError('not_found', { message: 'Session not found' });
      if (found.holder === own) return this.#got(session, found, unsaved);
      if (found.holder === null || !peers.isAlive(found.holder)) {
        const taken = await this.#takeOver(session, found, until);
        if (!taken) continue;
        await this.#got(session, taken.record, found.holder === null ? undefined : 'unknown', taken.kernels);
        return;
      }
      const answer = await this.#ask(found.holder, session.record.id, own);
      // Where no answer came, the turn may have been given away all the same.
      unsaved = answer ? answer.unsaved : 'unknown';
      if (!answer?.given) await sleep(retryMs, undefined, { signal: until }).catch(() => {});
    }
    if (signal?.aborted) throw new DragomanError('cancelled');
    const message = 'Another execution of this session has not ended in time.';
    throw new DragomanError('session_busy', { message, retryAfterSeconds: 5 });
  }

  /** Resolves when the turn of a session is not being given away, or no longer. */
  async given(id: string): Promise<void> {
    await this.#giving.get(id);
  }

  /** Gives the turn of a session away, unless something runs in it for longer than a moment. */
  give(id: string, to: string): Promise<TurnGiven> {
    const before = this.#giving.get(id);
    const giving = (async () => {
      await before;
      return this.#give(id, to);
    })();
    const kept = giving
      .catch(() => {})
      .finally(() => {
        if (this.#giving.get(id) === kept) this.#giving.delete(id);
      });
    this.#giving.set(id, kept);
    return giving;
  }

  async #give(id: string, to: string): Promise<TurnGiven> {
    const { open, close, saved } = this.#options;
    const isSaved = () => saved(id).then(() => true);
    const session = await open(id);
    if (!session) return (await within(isSaved(), restMs)) ? this.#handOver(id, to) : { given: false };
    const passed = Promise.withResolvers<void>();
    session.leaving = passed.promise;
    const wasHeld = session.isHeld;
    // From here on no turn begins here: the next one waits, and asks for it.
    session.isHeld = false;
    try {
      // What is saved now would be refused once the session has moved.
      const isAtRest = await within(session.atRest().then(isSaved), restMs);
      if (!isAtRest) {
        session.isHeld ||= wasHeld;
        return { given: false };
      }
      session.isHeld = false;
      return await this.#handOver(id, to);
    } finally {
      session.leaving = undefined;
      passed.resolve();
      close(session);
    }
  }

  async #handOver(id: string, to: string): Promise<TurnGiven> {
    const { left, leave } = this.#options;
    // From here on it is not saved here: two gateways would save it at once.
    const kept = left(id);
    let given = false;
    try {
      await leave(id);
      given = await this.#pass(id, to);
    } finally {
      if (!given) kept?.keep();
    }
    return { given, unsaved: given ? kept?.unsaved : undefined };
  }

  async #pass(id: string, to: string): Promise<boolean> {
    const { records, peers } = this.#options;
    const found = await records.sessions.find(id);
    return found?.holder === peers.id && (await records.sessions.passTurn(id, found, to)) !== undefined;
  }

  /**
   * Takes the turn of a gateway that is gone. Undefined: another gateway was first, or there was no time.
   * @returns its record, and its kernels that live
   */
  async #takeOver(
    session: OpenSession,
    found: SessionRecord,
    until: AbortSignal,
  ): Promise<{ readonly record: SessionRecord; readonly kernels: readonly string[] } | undefined> {
    const { runner, records, peers, settle } = this.#options;
    const ref = placeOf(found);
    const live = async () => (found.holder !== null && ref ? await runner.sessions([ref]).catch(() => []) : [])[0];
    let state = await live();
    // What it has begun runs on: the next cell waits for it, as it would have with the gateway alive.
    for (; state?.isBusy; state = await live()) {
      await sleep(retryMs, undefined, { signal: until }).catch(() => {});
      if (until.aborted) return undefined;
    }
    if (found.holder !== null) {
      await this.#fill(session, found);
      if (!(await settle(session, found))) {
        await sleep(retryMs, undefined, { signal: until }).catch(() => {});
        return undefined;
      }
    }
    const record = await records.sessions.passTurn(found.id, found, peers.id!);
    return record && { record, kernels: state?.kernels ?? [] };
  }

  async #ask(holder: string, session: string, to: string): Promise<TurnGiven | undefined> {
    try {
      return await this.#options.peers.ask<TurnGiven>(holder, { type: 'leave', session, to }, answerMs + retryMs);
    } catch (error) {
      // It may have given the turn away all the same; the row tells.
      if (error instanceof PeerSilent) return undefined;
      throw error;
    }
  }

  async #got(
    session: OpenSession,
    recorded: SessionRecord,
    unsaved: UnsavedVariables | 'unknown' | undefined,
    kernels: readonly string[] = [],
  ): Promise<void> {
    await this.#fill(session, recorded);
    session.isHeld = true;
    // A gateway that was killed may not have recorded that they ran.
    for (const kernel of kernels) session.noteKernel(kernel);
    this.#options.got(session, unsaved);
  }

  /** Makes what is in memory what is recorded. */
  async #fill(session: OpenSession, recorded: SessionRecord): Promise<void> {
    const files: StoredFile[] = await this.#options.records.files.list(recorded.id);
    session.refresh(recorded);
    session.files.replace(files);
    session.files.turn = recorded.turn;
    session.states = undefined;
  }
}
