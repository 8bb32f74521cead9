import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '../../agent/index.ts';
import { DragomanError, newId, type Principal } from '../../core/index.ts';
import type { EventLog } from '../../event-log/index.ts';
import type { Page, Sessions } from '../../service/index.ts';
import type { BackgroundResponses, TakenOver } from '../background/background-responses.ts';
import { agentRequestOf, type Planned, workplaceRequest } from '../background/plan.ts';
import type { Conversations } from '../conversations/conversations.ts';
import type { Attachments } from '../files/attachments.ts';
import type { Item } from '../items.ts';
import { Refusal } from '../refusal.ts';
import { Workplace } from '../workplace.ts';
import { type Compacted, type CompactRequest, compact } from './compact.ts';
import { gatherHistory, type History, type HistoryRequest } from './history.ts';
import { agentRequest, type ResponseRequest } from './request.ts';
import { isUnderWay, type ResponseEvent, type ResponseState } from './response.ts';
import type { ResponseRecords, StoredResponse } from './response-records.ts';
import { ResponseRun, type RunPlan } from './response-run.ts';

export interface ResponsesOptions {
  readonly agent: Pick<Agent, 'run'>;
  readonly sessions: Sessions;
  readonly attachments: Attachments;
  readonly records: ResponseRecords;
  readonly conversations: Conversations;
  readonly log: EventLog<ResponseEvent>;
  readonly background: BackgroundResponses;
  now(): number;
}

/** Responses of one principal that may be under way here. */
const maxHeld = 256;
/** Bytes of one principal's responses that are made now, or whose readers lag behind. */
const maxHeldBytes = 256 * 1024 * 1024;
/** How long a cancelled response may take to end before it is reported as it is. */
const cancelMs = 5000;
const pollMs = 250;

/** The responses of every principal: those that are made now, and those that are stored. */
export class Responses {
  readonly #options: ResponsesOptions;
  /** Those that are made now, or that a reader still holds. */
  readonly #runs = new Map<string, ResponseRun>();

  constructor(options: ResponsesOptions) {
    this.#options = options;
  }

  /**
   * Begins a response. The model is asked, and nothing is produced before `follow`: its caller decides how long to wait for `begun`.
   * @throws Refusal, DragomanError for a request that cannot be served
   */
  async begin(principal: Principal, request: ResponseRequest): Promise<ResponseRun> {
    this.#admit(principal);
    const { now } = this.#options;
    const { conversationId, background = false, stored, echo } = request;
    const id = newId();
    const createdAt = now();
    const history = await this.#history(principal, request, id);
    const { request: asked, workplace } = await agentRequest(this.#options, principal, request, history);
    const response: ResponseState = {
      id,
      status: background ? 'queued' : 'in_progress',
      background,
      stored,
      createdAt,
      completedAt: null,
      // Which model answers where none is named is known when it has answered.
      model: request.settings.model ?? 'default',
      previousId: request.previousId ?? null,
      conversationId: conversationId ?? null,
      items: [],
      usage: null,
      error: null,
      incompleteReason: null,
      echo,
    };
    const { input, sessionId: earlierSession, uncited } = history;
    const planned = { principal, request: asked, workplace, conversationId, earlierSession, uncited };
    const durable = background && stored ? await this.#options.background.begin(planned, response, input) : undefined;
    return this.#run(planned, response, input, durable);
  }

  /** Goes on with the responses that other processes left under way. */
  start(): void {
    this.#options.background.start(
      (taken) => this.#resume(taken),
      (id) => this.#runs.get(id)?.cancel(),
    );
  }

  async #resume({ work, plan, left, response, durable }: TakenOver): Promise<ResponseRun> {
    const { records, sessions, attachments } = this.#options;
    const { owner } = work;
    const where = workplaceRequest(plan, left.transcriber?.sessionId);
    const workplace = where && (await Workplace.choose(sessions, attachments, owner, where));
    const planned = { ...plan, principal: owner, request: agentRequestOf(plan, workplace), workplace };
    const run = this.#run(planned, response, await records.input(owner, response.id), durable);
    this.follow(run);
    return run;
  }

  #run(
    { conversationId, ...planned }: Planned,
    response: ResponseState,
    input: readonly Item[],
    durable: RunPlan['durable'],
  ): ResponseRun {
    const { conversations } = this.#options;
    const { principal } = planned;
    const remember =
      conversationId === undefined
        ? undefined
        : (items: readonly Item[]) => conversations.append(principal, conversationId, items);
    return new ResponseRun({ ...this.#options, ...planned, response, input, remember, durable });
  }

  /** Everything the model would be given, oldest first. @throws Refusal */
  async items(
    principal: Principal,
    request: HistoryRequest & Pick<ResponseRequest, 'conversationId'>,
  ): Promise<readonly Item[]> {
    const { before, input } = await this.#history(principal, request, newId());
    return [...before, ...input];
  }

  /** Lets the model sum up what a request would go on from. Nothing is stored. @throws Refusal, DragomanError */
  async compact(
    principal: Principal,
    request: HistoryRequest & CompactRequest,
    signal: AbortSignal,
  ): Promise<Compacted> {
    const history = await this.#history(principal, request, newId());
    return compact(this.#options.agent, principal, request, history, signal);
  }

  /** Lets it go on to its end, whether or not anyone reads along. */
  follow(run: ResponseRun): void {
    this.#runs.set(run.id, run);
    const { background, stored } = run.response;
    if (background && stored)
      run.finished.then(() => {
        // From now on it is read from the records, where another process may go on with it.
        if (run.isLeft) this.#runs.delete(run.id);
        return this.#options.background.over(run.id, run.principal, run.isLeft);
      });
    run.released.then(() => this.#runs.delete(run.id));
    run.start();
  }

  /** A response as it is now. @throws Refusal response_not_found */
  async get(principal: Principal, id: string): Promise<ResponseState> {
    return this.#running(principal, id)?.response ?? (await this.#stored(principal, id)).response;
  }

  /** Its events, past ones first, then those still to come. @throws Refusal response_not_found, events_not_found */
  async events(principal: Principal, id: string, signal: AbortSignal): Promise<AsyncIterable<ResponseEvent>> {
    const run = this.#running(principal, id);
    if (run) return run.events(signal);
    const stored = await this.#stored(principal, id);
    if (isUnderWay(stored.response)) return this.#options.background.events(principal, id, 0, signal);
    const events = await this.#options.records.events(principal, stored);
    if (!events) throw new Refusal('events_not_found', 'The events of the response were not kept.', { id });
    return (async function* () {
      yield* events;
    })();
  }

  /** What went into it. @throws Refusal response_not_found */
  async input(
    principal: Principal,
    id: string,
    page: Page,
  ): Promise<{ readonly items: readonly Item[]; readonly more: boolean }> {
    const run = this.#running(principal, id);
    if (run) return pageOf(run.input, page);
    await this.#options.records.get(principal, id);
    return this.#options.records.inputPage(principal, id, page);
  }

  /** Ends it if it is under way, and removes it. @throws Refusal response_not_found */
  async delete(principal: Principal, id: string): Promise<void> {
    const run = this.#running(principal, id);
    if (run) {
      run.forget();
      await Promise.race([run.finished, sleep(cancelMs, undefined, { ref: false })]);
    } else {
      await this.#options.records.get(principal, id);
      await this.#options.background.removeElsewhere(id, principal);
    }
    await this.#options.records.delete(principal, id);
  }

  /**
   * Ends a background response that is under way. One that has ended stays as it is.
   * @throws Refusal response_not_found; not_in_background for a response that its client waits for
   */
  async cancel(principal: Principal, id: string): Promise<ResponseState> {
    const response = await this.get(principal, id);
    if (!response.background) throw new Refusal('not_in_background', 'The response is not made in the background.');
    const run = this.#running(principal, id);
    if (!run) return isUnderWay(response) ? this.#cancelElsewhere(principal, id) : this.get(principal, id);
    run.cancel();
    await Promise.race([run.finished, sleep(cancelMs, undefined, { ref: false })]);
    return run.response;
  }

  async #cancelElsewhere(principal: Principal, id: string): Promise<ResponseState> {
    await this.#options.background.cancelElsewhere(id);
    for (const giveUpAt = performance.now() + cancelMs; ; ) {
      const response = await this.get(principal, id);
      if (!isUnderWay(response) || performance.now() > giveUpAt) return response;
      await sleep(pollMs, undefined, { ref: false });
    }
  }

  /** Ends what is under way and stores what it has come to. What is in the background goes on in another process, or in the next one. */
  async close(): Promise<void> {
    await this.#options.background.close();
    const runs = [...this.#runs.values()];
    await Promise.all(runs.map((run) => run.leave(this.#options.background.times.leaveMs)));
    await Promise.all(runs.map(({ finished }) => Promise.race([finished, sleep(cancelMs, undefined, { ref: false })])));
    // Their leases are given back, so that others need not wait for them.
    await this.#options.background.settled();
  }

  async #history(
    principal: Principal,
    request: HistoryRequest & Pick<ResponseRequest, 'conversationId'>,
    listId: string,
  ): Promise<History> {
    const { conversations, records } = this.#options;
    const { conversationId } = request;
    const items = conversationId === undefined ? [] : await conversations.read(principal, conversationId);
    return gatherHistory(records, principal, request, listId, items);
  }

  /** @throws DragomanError rate_limited when the principal's share is used up */
  #admit({ id, tenant }: Principal): void {
    const own = [...this.#runs.values()].filter(({ principal }) => principal.id === id && principal.tenant === tenant);
    if (own.length >= maxHeld || own.reduce((sum, { bytes }) => sum + bytes, 0) > maxHeldBytes)
      throw new DragomanError('rate_limited', {
        message: 'Too many responses are under way or wait to be read.',
      });
  }

  /** One that is made now and can be asked for. */
  #running(principal: Principal, id: string): ResponseRun | undefined {
    const run = this.#runs.get(id);
    const isOwn = run?.principal.id === principal.id && run.principal.tenant === principal.tenant;
    return isOwn && run.response.stored ? run : undefined;
  }

  /** One that is stored, as far as it has come. */
  async #stored(principal: Principal, id: string): Promise<StoredResponse> {
    const { records, background } = this.#options;
    const stored = await records.get(principal, id);
    if (!isUnderWay(stored.response)) return stored;
    const response = await background.elsewhere(principal, stored.response);
    if (response) return { ...stored, response };
    // It may have ended meanwhile. What version 0.1 left under way does not go on.
    const latest = await records.get(principal, id);
    if (!isUnderWay(latest.response)) return latest;
    const message = 'The service was restarted while this response was under way.';
    return { ...latest, response: { ...latest.response, status: 'failed', error: { code: 'internal', message } } };
  }
}

function pageOf(items: readonly Item[], { after, limit, order }: Page) {
  const ordered = order === 'asc' ? items : items.toReversed();
  const from = after === undefined ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  const rest = after !== undefined && from === 0 ? [] : ordered.slice(from);
  return { items: rest.slice(0, limit), more: rest.length > limit };
}
