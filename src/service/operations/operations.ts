import { DragomanError, isId, type Logger, type Principal, type Tier } from '../../core/index.ts';
import type { HeldSession, Runner } from '../../runner/index.ts';
import type { Owner, Records, SessionRecord } from '../../stores/index.ts';
import type { ExecutionLog } from '../executions/execution-log.ts';
import type { RunningExecution } from '../executions/executions.ts';
import type { SessionDirectory } from '../sessions/session-directory.ts';

/** An execution under way, as operators see it: nothing of its code, its output or its files. */
export interface ObservedExecution {
  readonly id: string;
  /** For pages: grows with each execution. */
  readonly serial: number;
  readonly sessionId: string;
  readonly owner: Owner;
  readonly language: string;
  readonly tier: Tier;
  readonly status: RunningExecution['status'];
  /** When it was asked for, in milliseconds since the epoch. */
  readonly begunAt: number;
  /** When it got its place; null: it waits for one. */
  readonly placedAt: number | null;
}

/** A session, as operators see it: neither its name nor its notes, which its owner wrote. */
export interface ObservedSession {
  readonly id: string;
  readonly owner: Owner;
  readonly state: 'live' | 'dormant' | 'expired';
  readonly isBusy: boolean;
  readonly createdAt: number;
  readonly lastActiveAt: number;
  readonly expiresAt: number;
  readonly memoryBytes: number;
  /** What its sandbox is behind. Null: what the plan of its owner says. */
  readonly tier: Tier | null;
  /** Kernels that hold variables now. */
  readonly kernels: readonly string[];
}

export interface OperationsParts {
  readonly runner: Runner;
  readonly records: Pick<Records, 'sessions'>;
  readonly directory: SessionDirectory;
  readonly log: ExecutionLog;
  readonly logger: Logger;
  readonly now: () => number;
}

type Actor = Pick<Principal, 'name'>;

/** How long an operator's request waits for what it ended. */
const endWaitMs = 2000;

/** What operators see and end of everyone's executions and sessions. Each act is logged with the name of the key that did it. */
export class Operations {
  readonly #parts: OperationsParts;

  constructor(parts: OperationsParts) {
    this.#parts = parts;
  }

  /** Executions under way, in the order they were asked for, from behind the one with this serial. */
  executions(limit: number, after = 0): readonly ObservedExecution[] {
    const found: ObservedExecution[] = [];
    for (const { execution, serial } of this.#parts.log.underWay()) {
      if (serial <= after) continue;
      const { id, sessionId, principal, language, tier, status, begunAt, placedAt } = execution;
      const owner = { tenant: principal.tenant, id: principal.id };
      found.push({ id, serial, sessionId, owner, language, tier, status, begunAt, placedAt });
      if (found.length === limit) break;
    }
    return found;
  }

  /** How many wait for the answers to tool calls, and since when the one that has waited longest for a place does. */
  waiting(): { readonly forAnswers: number; readonly oldestQueuedAt: number | null } {
    let forAnswers = 0;
    let oldestQueuedAt: number | null = null;
    for (const { execution } of this.#parts.log.underWay()) {
      if (execution.status === 'waiting') forAnswers++;
      // One that waits for the turn of its own session waits for its owner, not for a place.
      if (execution.status === 'queued' && execution.waitsForPlaceSince !== null)
        oldestQueuedAt = Math.min(oldestQueuedAt ?? Number.POSITIVE_INFINITY, execution.waitsForPlaceSince);
    }
    return { forAnswers, oldestQueuedAt };
  }

  /**
   * Ends an execution, and waits a moment for its end.
   * @returns its outcome; null: it has not ended yet
   * @throws DragomanError not_found when it is not under way
   */
  async endExecution(actor: Actor, id: string): Promise<string | null> {
    const found = this.#parts.log.underWay().find(({ execution }) => execution.id === id);
    if (!found) throw new DragomanError('not_found', { message: 'No execution of this id is under way.' });
    const { execution } = found;
    const { principal, language } = execution;
    this.#parts.logger.info(
      { operator: actor.name, execution: id, owner: principal.id, language },
      'an operator ended an execution',
    );
    execution.cancel();
    return within(
      endWaitMs,
      execution.done.then(
        ({ result }) => result.outcome,
        () => 'cancelled',
      ),
    );
  }

  /** Sessions of all owners, newest first; with `live` those that have a sandbox, the latest used first. */
  async sessions(
    limit: number,
    { live, after }: { readonly live: boolean; readonly after?: string | undefined },
  ): Promise<{ readonly sessions: readonly ObservedSession[]; readonly more: boolean }> {
    const { sessions: held } = await this.#parts.runner.census();
    const byId = new Map(held.map((session) => [session.id, session]));
    const records = live
      ? await this.#live(held, limit, after)
      : await this.#parts.records.sessions.page(limit + 1, after);
    const sessions = records.slice(0, limit).map((record) => this.#observed(record, byId.get(record.id)));
    return { sessions, more: records.length > limit };
  }

  /**
   * Ends a session's sandbox, and what runs in it. Its files stay, and its next code gets another sandbox.
   * @returns false when it has none
   * @throws DragomanError not_found
   */
  async releaseSession(actor: Actor, id: string): Promise<boolean> {
    const { records, directory, runner, logger } = this.#parts;
    const record = isId(id) ? await records.sessions.find(id) : undefined;
    if (!record) throw new DragomanError('not_found', { message: 'Session not found' });
    const owner = { tenant: record.tenant, id: record.principalId };
    const open = directory.peek(owner, id);
    const { epoch, worker } = (open?.isHeld ? open.record : undefined) ?? record;
    const isHeld = (await runner.census()).sessions.some((held) => held.id === id && held.epoch === epoch);
    if (worker === null || !isHeld) return false;
    logger.info({ operator: actor.name, session: id, owner: owner.id }, 'an operator ended a sandbox');
    if (open) await directory.cancelAll(open);
    else await directory.cancelElsewhere(record);
    await runner.dropSession({ id, epoch, worker });
    return true;
  }

  async #live(held: readonly HeldSession[], limit: number, after: string | undefined): Promise<SessionRecord[]> {
    const ids = held.toSorted((a, b) => b.lastUsedAt - a.lastUsedAt).map(({ id }) => id);
    const from = after === undefined ? 0 : ids.indexOf(after) + 1;
    const records: SessionRecord[] = [];
    for (const id of ids.slice(from)) {
      const record = await this.#parts.records.sessions.find(id);
      if (record) records.push(record);
      if (records.length > limit) break;
    }
    return records;
  }

  #observed(record: SessionRecord, held: HeldSession | undefined): ObservedSession {
    const { id, tenant, principalId, createdAt, memoryBytes, tier } = record;
    const owner = { tenant, id: principalId };
    const open = this.#parts.directory.peek(owner, id);
    const { lastActiveAt, expiresAt, epoch } = (open?.isHeld ? open.record : undefined) ?? record;
    const isLive = held?.epoch === epoch;
    return {
      ...{ id, owner, createdAt, memoryBytes, tier, expiresAt },
      state: expiresAt <= this.#parts.now() ? 'expired' : isLive ? 'live' : 'dormant',
      isBusy: (open !== undefined && !open.isIdle) || (isLive && held.isBusy),
      lastActiveAt: Math.max(lastActiveAt, isLive ? held.lastUsedAt : 0),
      kernels: isLive ? held.kernels : [],
    };
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, ms, null);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
