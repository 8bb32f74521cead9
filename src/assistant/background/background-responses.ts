import { setTimeout as sleep } from 'node:timers/promises';
import { DragomanError, type Logger, type Principal } from '../../core/index.ts';
import type { Document, Documents, Leases } from '../../service/index.ts';
import type { OwnedDocuments } from '../owned-documents.ts';
import { failed, isUnderWay, type ResponseEvent, type ResponseState } from '../responses/response.ts';
import type { ResponseRecords } from '../responses/response-records.ts';
import { type Claim, Claims } from './claims.ts';
import { type DurableHooks, DurableRun } from './durable-run.ts';
import { journalEvents, type LeftResponse, readJournal, writePatiently } from './journal.ts';
import { type Planned, planOfResponse, type ResponsePlan } from './plan.ts';
import { BackgroundWork, type Work } from './work.ts';

/** What is to be done where a response ends, besides storing it. */
export interface EndNotices {
  /** Documents that are written in the transaction of the end. */
  documentsFor(response: ResponseState): readonly Document[];
  /** They are written. */
  written(): void;
}

export interface BackgroundOptions {
  readonly documents: Documents;
  readonly owned: OwnedDocuments;
  readonly records: ResponseRecords;
  /** Of the processes that share the records; absent: this one has them for itself. */
  readonly leases?: Leases | undefined;
  readonly notices?: EndNotices | undefined;
  readonly logger: Logger;
  readonly times?: Partial<BackgroundTimes> | undefined;
  now(): number;
}

/** In milliseconds. */
export interface BackgroundTimes {
  /** Leases are renewed, and wishes to cancel heeded, so often where processes share the records. */
  readonly tickMs: number;
  /** How long code of a response may take to end when the service is stopped: what it came to then is known. */
  readonly leaveMs: number;
}

const usualTimes: BackgroundTimes = { tickMs: 2500, leaveMs: 3000 };

type MakeDurable = (hooks: DurableHooks) => DurableRun;

/** Goes on with a response. */
type Resume = (taken: TakenOver) => Promise<{ readonly finished: Promise<void> }>;

/** A response that this process takes over. */
export interface TakenOver {
  readonly work: Work;
  readonly plan: ResponsePlan;
  readonly left: LeftResponse;
  readonly response: ResponseState;
  readonly durable: MakeDurable;
}

/** Responses of one principal that may be under way in the background, on all gateways together. */
const maxBackground = 32;
/** Responses that one process goes on with at once, besides those that it began. */
const maxTakenOver = 8;
/** A response that ends the process which works on it is not begun for ever. */
const maxTakeovers = 3;
/** A model is not asked anew for what is as old as this. */
const maxAgeMs = 6 * 3_600_000;
/** Every so many ticks it is looked for responses whose process has died. */
const ticksToScan = 2;
/** How often a reader looks for events of a response that another process works on. */
const pollMs = 400;
const rescanMs = 30_000;

/** The responses in the background: the records say which there are, and each has one process that works on it. */
export class BackgroundResponses {
  readonly work: BackgroundWork;
  readonly times: BackgroundTimes;
  readonly #options: BackgroundOptions;
  readonly #claims: Claims;
  /** Of those that this process works on. */
  readonly #claimed = new Map<string, { readonly claim: Claim; readonly run?: DurableRun }>();
  #resume: Resume | undefined;
  #cancel: ((responseId: string) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ticks = 0;
  #scanning: Promise<void> | undefined;
  #takenOver = 0;
  readonly #clearing = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: BackgroundOptions) {
    this.#options = options;
    this.times = { ...usualTimes, ...options.times };
    this.work = new BackgroundWork(options.documents, options.owned);
    this.#claims = new Claims(options.leases, options.now);
  }

  /**
   * Takes over what other processes left.
   * @param cancel cancels a response that this process works on
   */
  start(resume: Resume, cancel: (responseId: string) => void): void {
    this.#resume = resume;
    this.#cancel = cancel;
    this.#scan();
    if (this.#claims.areShared) this.#timer = setInterval(() => void this.#tick(), this.times.tickMs);
  }

  /** Takes over nothing more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#timer);
    await this.#scanning;
  }

  /** Resolves when everything that is over is written. Never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.#clearing);
  }

  /**
   * Writes that a response begins, before its model is asked.
   * @throws DragomanError rate_limited, quota_exceeded
   */
  async begin(
    planned: Planned,
    response: ResponseState,
    input: Parameters<ResponseRecords['made']>[2]['input'],
  ): Promise<MakeDurable> {
    const { principal } = planned;
    const { id } = response;
    await this.work.admit(principal, maxBackground);
    const claim = (await this.#claims.take(id)) ?? {};
    const made = [
      ...this.#options.records.made(principal, { response, modelViews: {} }, { input }),
      ...this.work.begun(id, principal, planOfResponse(planned)),
    ];
    this.#claimed.set(id, { claim });
    try {
      await this.#options.owned.putAll(made, claim.held);
    } catch (error) {
      this.#claimed.delete(id);
      await this.#claims.release(claim).catch(() => {});
      throw error;
    }
    return this.#durable(principal, id, claim, undefined);
  }

  /** Forgets a response that has ended here, or gives it back. Never rejects. */
  over(responseId: string, principal: Principal, isLeft: boolean): Promise<void> {
    const cleared = this.#clear(responseId, principal, isLeft);
    this.#clearing.add(cleared);
    return cleared.finally(() => this.#clearing.delete(cleared));
  }

  async #clear(responseId: string, principal: Principal, isLeft: boolean): Promise<void> {
    const claim = this.#claimed.get(responseId)?.claim;
    try {
      if (!isLeft) await this.work.remove(responseId, principal);
      this.#claimed.delete(responseId);
      if (claim) await this.#claims.release(claim);
      if (!isLeft) this.#options.notices?.written();
    } catch (error) {
      // What is left over is removed by a later scan, or expires.
      this.#options.logger.warn({ error: String(error) }, 'a background response was not cleared away');
      this.#claimed.delete(responseId);
    }
    if (isLeft && !this.#isClosed && !this.#claims.areShared) this.#later();
  }

  /** What has happened in a response that another process works on; undefined: none does. */
  async elsewhere(principal: Principal, response: ResponseState): Promise<ResponseState | undefined> {
    if (!(await this.work.find(response.id))) return undefined;
    const { events } = await journalEvents(this.#options.owned, principal, response.id, 0);
    const items = events.flatMap((event) => (event.type === 'item_done' ? [event.item] : []));
    const isBegun = events.some(({ type }) => type === 'in_progress');
    return { ...response, items, status: isBegun ? 'in_progress' : response.status };
  }

  /** The events behind the first `told` of a response that another process works on, until its end or `signal` aborts. */
  async *events(principal: Principal, id: string, told: number, signal: AbortSignal): AsyncGenerator<ResponseEvent> {
    const { owned, records } = this.#options;
    let entries = 0;
    let seen = 0;
    while (!signal.aborted) {
      const latest = await journalEvents(owned, principal, id, entries);
      entries = latest.entries;
      for (const event of latest.events) if (++seen > told) yield event;
      if (latest.events.length > 0) continue;
      const stored = await records.find(principal, id);
      if (!stored) return;
      if (!isUnderWay(stored.response)) {
        const whole = await records.events(principal, stored);
        const from = Math.max(seen, told);
        if (whole) yield* whole.slice(from);
        else yield { type: 'ended', response: stored.response };
        return;
      }
      await sleep(pollMs, undefined, { ref: false, signal }).catch(() => {});
    }
  }

  /** Lets the process that works on a response cancel it. */
  async cancelElsewhere(responseId: string): Promise<void> {
    await this.work.wishCancel(responseId);
    this.#scan();
  }

  /** Removes a response that another process may work on, which then writes nothing more of it. */
  async removeElsewhere(responseId: string, principal: Principal): Promise<void> {
    if (!(await this.work.find(responseId))) return;
    const claim = await this.#claims.seize(responseId);
    await this.work.remove(responseId, principal);
    await this.#options.records.delete(principal, responseId);
    await this.#claims.release(claim);
  }

  #durable(principal: Principal, responseId: string, claim: Claim, left: LeftResponse | undefined) {
    this.#claimed.set(responseId, { claim });
    const { owned: documents, records, notices } = this.#options;
    const facts = { principal, responseId, documents, records, claim, left };
    return (hooks: DurableHooks) => {
      const run = new DurableRun(
        {
          ...facts,
          atEnd: (response) => notices?.documentsFor(response) ?? [],
          isGone: async () => (await this.work.find(responseId)) === undefined,
          readOn: (told, signal) => this.events(principal, responseId, told, signal),
        },
        hooks,
      );
      this.#claimed.set(responseId, { claim, run });
      return run;
    };
  }

  async #tick(): Promise<void> {
    for (const { claim, run } of this.#claimed.values()) {
      // A refusal of the database is no loss: whatever is written later needs the lease.
      const isOurs = await this.#claims.renew(claim).catch(() => true);
      if (!isOurs) await run?.lose();
    }
    const wishes = await this.work.cancelWishes().catch(() => []);
    for (const id of wishes) if (this.#claimed.has(id)) this.#cancel?.(id);
    if (++this.#ticks % ticksToScan === 0) this.#scan();
  }

  /** Looks for responses that no process works on, one scan at a time. */
  #scan(): void {
    if (this.#isClosed || !this.#resume) return;
    this.#scanning ??= this.#takeOverAll()
      .catch((error) => this.#options.logger.warn({ error: String(error) }, 'background responses were not looked for'))
      .finally(() => {
        this.#scanning = undefined;
      });
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#scan();
    }, rescanMs);
    this.#timer.unref();
  }

  async #takeOverAll(): Promise<void> {
    const waiting: Work[] = [];
    for await (const work of this.work.all()) if (!this.#claimed.has(work.responseId)) waiting.push(work);
    for (const work of inTurn(waiting)) {
      if (this.#isClosed || this.#takenOver >= maxTakenOver) return;
      await this.#takeOver(work).catch((error) =>
        this.#options.logger.warn({ response: work.responseId, error: String(error) }, 'a response was not taken over'),
      );
    }
  }

  async #takeOver(work: Work): Promise<void> {
    const { responseId, owner } = work;
    const claim = await this.#claims.take(responseId);
    if (!claim) return;
    const { owned, records, logger } = this.#options;
    // It may have ended while the lease was asked for.
    const [plan, stored, current] = await Promise.all([
      this.work.plan(responseId),
      records.find(owner, responseId),
      this.work.find(responseId),
    ]);
    if (!current || !stored || !isUnderWay(stored.response)) {
      if (current) await this.work.remove(responseId, owner);
      return this.#claims.release(claim);
    }
    const refusal = refusalOf(current, plan, this.#options.now());
    if (!plan || refusal) {
      await this.#fail(current, claim, stored.response, refusal ?? 'Its request is not stored any more.');
      return;
    }
    await owned.putAll([this.work.takenOver(current)], claim.held);
    const left = await readJournal(owned, owner, responseId);
    logger.info({ response: responseId, takeovers: current.takeovers + 1 }, 'a background response goes on here');
    this.#takenOver++;
    const durable = this.#durable(owner, responseId, claim, left);
    try {
      const { finished } = await this.#resume!({ work: current, plan, left, response: stored.response, durable });
      if (await this.work.isCancelWished(responseId)) this.#cancel?.(responseId);
      void finished.then(() => {
        this.#takenOver--;
        this.#scan();
      });
    } catch (error) {
      this.#takenOver--;
      this.#claimed.delete(responseId);
      const message = error instanceof DragomanError ? error.message : 'It could not be begun again.';
      await this.#fail(current, claim, { ...stored.response, items: itemsOf(left) }, message);
    }
  }

  /** Ends a response that cannot go on, with what it has come to. */
  async #fail(work: Work, claim: Claim, response: ResponseState, why: string): Promise<void> {
    const { owned, records, notices } = this.#options;
    const { responseId, owner } = work;
    const left = await readJournal(owned, owner, responseId);
    const message = `The service was restarted while this response was under way, and it does not go on. ${why}`;
    const error = new DragomanError('internal', { message, subcode: 'interrupted' });
    const ended = failed({ ...response, items: itemsOf(left) }, error);
    const events = [...left.events, { type: 'ended', response: ended } as const];
    const made = records.made(
      owner,
      { response: ended, modelViews: left.transcriber?.modelViews ?? {} },
      { events, inPlaceOf: 'journal' },
    );
    await writePatiently(owned, [...made, ...(notices?.documentsFor(ended) ?? [])], claim);
    await this.work.remove(responseId, owner);
    await this.#claims.release(claim);
    notices?.written();
  }
}

function itemsOf({ events }: LeftResponse): ResponseState['items'] {
  return events.flatMap((event) => (event.type === 'item_done' ? [event.item] : []));
}

/** Why a response is not taken over. */
function refusalOf({ takeovers, at }: Work, plan: ResponsePlan | undefined, now: number): string | undefined {
  if (takeovers >= maxTakeovers) return 'It was begun again several times already.';
  if (now - at > maxAgeMs) return 'That is too long ago.';
  if (plan?.hadKey) return 'It was asked with a key of its caller for the model provider, which is never stored.';
  return undefined;
}

/** One of each owner in turn, oldest first. */
function inTurn(works: readonly Work[]): Work[] {
  const queues = [...Map.groupBy(works, ({ owner }) => JSON.stringify([owner.tenant, owner.id])).values()];
  const ordered: Work[] = [];
  for (let round = 0; queues.some((queue) => queue.length > round); round++)
    for (const queue of queues) if (queue[round]) ordered.push(queue[round]!);
  return ordered;
}
