import { setTimeout as sleep } from 'node:timers/promises';
import { DragomanError, newId, type Principal } from '../../../core/index.ts';
import type { DialectContext } from '../../../http/index.ts';
import { Conversations } from '../conversations/conversations.ts';
import { invalid } from '../errors.ts';
import { ownId } from '../ids.ts';
import { type RequestTerms, toAgentRequest } from './agent-request.ts';
import { type CompactBody, type CompactedResponse, type CompactTerms, compact } from './compact.ts';
import type { NumberedWireEvent } from './events.ts';
import { gatherHistory, type History } from './history.ts';
import type { ListedInput } from './items.ts';
import { ResponseRecords, type StoredRecord } from './records.ts';
import type { ResponseBody } from './request.ts';
import { conversationOf, newResponse, type ResponseObject } from './response.ts';
import { ResponseRun } from './run.ts';

/** Responses of one caller that may be under way in the background. */
const maxBackground = 32;
/** How long a cancelled response may take to end before it is reported as it is. */
const cancelMs = 5000;

/** Every response there is: those under way, and those that are kept. */
export class Responses {
  readonly #context: DialectContext;
  readonly #records: ResponseRecords;
  readonly #conversations: Conversations;
  readonly #runs = new Map<string, ResponseRun>();

  constructor(context: DialectContext) {
    this.#context = context;
    this.#records = new ResponseRecords(context);
    this.#conversations = new Conversations(context);
  }

  /**
   * Begins a response. The model is asked; nothing is produced before it is followed, and whoever does that decides how long to
   * wait for `begun`.
   * @throws DragomanError for whatever is wrong with the request
   */
  async begin(principal: Principal, body: ResponseBody, terms: RequestTerms = {}): Promise<ResponseRun> {
    if (body.background) this.#admit(principal);
    const context = this.#context;
    const id = newId();
    const createdAt = context.now();
    const conversation = await this.#conversation(principal, body);
    const history = await gatherHistory(this.#records, principal, body, id, conversation?.items);
    const { request, workplace } = await toAgentRequest(context, principal, body, history, terms);
    return new ResponseRun({
      context,
      records: this.#records,
      principal,
      id,
      response: newResponse(id, body, createdAt),
      input: history.input,
      request,
      workplace,
      containerId: history.containerId,
      uncited: history.uncited,
      createdAt,
      remember: conversation && ((items) => this.#conversations.append(principal, conversation.id, id, items)),
    });
  }

  /** What a request would go on from. @throws WireError */
  async history(principal: Principal, body: ResponseBody): Promise<History> {
    const conversation = await this.#conversation(principal, body);
    return gatherHistory(this.#records, principal, body, newId(), conversation?.items);
  }

  /** Lets the model sum up what a request would go on from; nothing is kept. @throws DragomanError */
  async compact(principal: Principal, body: CompactBody, terms: Omit<CompactTerms, 'now'>): Promise<CompactedResponse> {
    const { agent, now } = this.#context;
    return compact(agent, principal, body, await this.history(principal, body), { ...terms, now: now() });
  }

  async #conversation(principal: Principal, body: ResponseBody) {
    const wire = conversationOf(body);
    return wire === undefined ? undefined : this.#conversations.read(principal, wire);
  }

  /** Lets it go on to its end, whoever reads along. */
  follow(run: ResponseRun): void {
    this.#runs.set(run.id, run);
    run.finished.then(() => this.#runs.delete(run.id));
    run.follow();
  }

  /** A response as it is now. @throws WireError 404 */
  async get(principal: Principal, wire: string): Promise<ResponseObject> {
    return this.#running(principal, wire)?.response ?? (await this.#kept(principal, wire)).response;
  }

  /** Its events after number `after`, past ones first, then those that are still to come. @throws WireError 404 */
  async events(
    principal: Principal,
    wire: string,
    after: number,
    signal: AbortSignal,
  ): Promise<AsyncIterable<NumberedWireEvent>> {
    const run = this.#running(principal, wire);
    if (run) return run.log.read(after, signal);
    const events = await this.#records.events(principal, await this.#kept(principal, wire));
    return later(events, after);
  }

  /** What went into it. @throws WireError 404 */
  async input(principal: Principal, wire: string): Promise<readonly ListedInput[]> {
    return this.#running(principal, wire)?.input ?? (await this.#records.get(principal, wire)).input;
  }

  /** Ends it if it is under way, and removes it. @throws WireError 404 */
  async delete(principal: Principal, wire: string): Promise<void> {
    const run = this.#running(principal, wire);
    if (run) {
      run.forget();
      await Promise.race([run.finished, sleep(cancelMs, undefined, { ref: false })]);
    }
    const id = run?.id ?? (await this.#records.get(principal, wire)).id;
    await this.#records.delete(id);
  }

  /**
   * Ends a background response that is under way; one that has ended stays as it is.
   * @throws WireError 404; 400 for one that somebody waits for
   */
  async cancel(principal: Principal, wire: string): Promise<ResponseObject> {
    const { background } = await this.get(principal, wire);
    if (!background) throw invalid('Cannot cancel a synchronous response.');
    const run = this.#running(principal, wire);
    if (!run) return this.get(principal, wire);
    run.cancel();
    await Promise.race([run.finished, sleep(cancelMs, undefined, { ref: false })]);
    return run.response;
  }

  /** Ends all that is under way and keeps what it has come to. */
  async close(): Promise<void> {
    const runs = [...this.#runs.values()];
    for (const run of runs) run.cancel();
    await Promise.all(runs.map(({ finished }) => Promise.race([finished, sleep(cancelMs, undefined, { ref: false })])));
  }

  #admit({ id }: Principal): void {
    const own = this.#runs.values().filter((run) => run.principal.id === id && run.response.background);
    if ([...own].length >= maxBackground)
      throw new DragomanError('rate_limited', { message: `At most ${maxBackground} responses run in the background.` });
  }

  /** One that is under way and will be kept, or is at least kept while it runs. */
  #running(principal: Principal, wire: string): ResponseRun | undefined {
    const run = this.#runs.get(ownId('response', wire) ?? '');
    const isOwn = run?.principal.id === principal.id && run.principal.tenant === principal.tenant;
    return isOwn && run.response.store ? run : undefined;
  }

  /** One that is kept. What was under way when the service ended will not go on. */
  async #kept(principal: Principal, wire: string): Promise<StoredRecord> {
    const record = await this.#records.get(principal, wire);
    const { status } = record.response;
    if (status !== 'queued' && status !== 'in_progress') return record;
    const message = 'The service was restarted while this response was under way.';
    const error = { code: 'server_error', message, type: 'server_error', param: null };
    return { ...record, response: { ...record.response, status: 'failed', error } };
  }
}

async function* later(events: readonly NumberedWireEvent[], after: number): AsyncGenerator<NumberedWireEvent> {
  for (const event of events) if (event.sequence_number > after) yield event;
}
