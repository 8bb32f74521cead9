import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentState, joinedStates, type ProviderState, type TokenUsage } from '../../agent/index.ts';
import { DragomanError, type Principal } from '../../core/index.ts';
import type { Document } from '../../service/index.ts';
import type { OwnedDocuments } from '../owned-documents.ts';
import type { ResponseError, ResponseEvent } from '../responses/response.ts';
import type { TranscriberState } from '../responses/transcriber.ts';
import type { Claim } from './claims.ts';

/** How a response ended, before that is stored with it. */
export interface KeptEnding {
  readonly reason: string;
  readonly error?: ResponseError | undefined;
  readonly usage: TokenUsage;
  readonly model?: string | undefined;
  readonly providerStates?: Readonly<Record<string, ProviderState>> | undefined;
}

/** Where a response is, as of the events that were told before. */
interface Kept {
  readonly agent?: AgentState | undefined;
  readonly transcriber: TranscriberState;
  readonly ending?: KeptEnding | undefined;
}

interface Entry {
  readonly events: readonly ResponseEvent[];
  readonly kept?: Kept | undefined;
}

/** What the journal of a response holds. */
export interface LeftResponse {
  readonly entries: number;
  readonly events: readonly ResponseEvent[];
  /** Events that were told after the latest state was kept. */
  readonly beyond: number;
  readonly agent: AgentState | undefined;
  readonly transcriber: TranscriberState | undefined;
  readonly ending: KeptEnding | undefined;
}

const kind = 'assistant_response_journal';
/** Events wait this long for others to be written with them. */
const gatherMs = 150;
/** Or until they are so many. */
const gatherEvents = 500;
/** How long the store may refuse before the response fails. */
const patienceMs = 60_000;
const retryMs = 500;
const pageLength = 50;

export interface JournalOptions {
  readonly documents: OwnedDocuments;
  readonly principal: Principal;
  readonly responseId: string;
  readonly claim: Claim;
  /** Entries that an earlier process wrote. */
  readonly entries: number;
  /** They are written: readers may see them. */
  told(events: readonly ResponseEvent[]): void;
  /** Another process has taken the response over. */
  lost(): void;
}

/**
 * Writes what happens in a background response to the records before anyone is told, so that its events keep their numbers whatever
 * process tells them, and another process can go on with it.
 */
export class ResponseJournal {
  readonly #options: JournalOptions;
  #entries: number;
  #waiting: ResponseEvent[] = [];
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isHeld = false;
  #fault: unknown;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#entries = options.entries;
  }

  /** Writes an event some moments later. @throws what an earlier write failed with */
  append(event: ResponseEvent): void {
    if (this.#fault) throw this.#fault;
    this.#waiting.push(event);
    if (this.#isHeld) return;
    if (this.#waiting.length >= gatherEvents) void this.#write().catch(() => {});
    else this.#timer ??= setTimeout(() => void this.#write().catch(() => {}), gatherMs);
  }

  /** Events from now on are written with the next state and not before: they tell what that state must know. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Writes what waits, and where the response is after it. @throws DragomanError conflict when another process has it; quota_exceeded */
  async keep(kept: Kept): Promise<void> {
    this.#isHeld = false;
    await this.#write(kept);
  }

  /** Resolves when what waits is written. @throws as `keep` */
  async flush(): Promise<void> {
    this.#isHeld = false;
    await this.#write();
  }

  /** Writes nothing more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#fault ??= new DragomanError('cancelled');
    this.#waiting = [];
  }

  #write(kept?: Kept): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const events = this.#waiting;
    this.#waiting = [];
    if (events.length === 0 && !kept) return this.#writing;
    const entry: Entry = { events, ...(kept ? { kept } : {}) };
    this.#writing = this.#writing.then(() => this.#store(entry));
    this.#writing.catch((error) => {
      this.#fault ??= error;
    });
    return this.#writing;
  }

  async #store(entry: Entry): Promise<void> {
    const { documents, principal, responseId, claim } = this.#options;
    const id = `${responseId}.${++this.#entries}`;
    if (this.#fault) throw this.#fault;
    try {
      await writePatiently(documents, documents.made(principal, { kind, id, name: responseId, body: entry }), claim);
    } catch (error) {
      if ((error as DragomanError).code === 'conflict') this.#options.lost();
      throw error;
    }
    this.#options.told(entry.events);
  }
}

/** Writes documents, again for some time where the store is not available. @throws DragomanError conflict, quota_exceeded … */
export async function writePatiently(
  documents: OwnedDocuments,
  made: readonly Document[],
  { held }: Claim,
): Promise<void> {
  for (const giveUpAt = performance.now() + patienceMs; ; ) {
    try {
      await documents.putAll(made, held);
      return;
    } catch (error) {
      if ((error as DragomanError).code !== 'storage_unavailable' || performance.now() > giveUpAt) throw error;
    }
    await sleep(retryMs, undefined, { ref: false });
  }
}

/** The journal of a response, as an earlier process left it. */
export async function readJournal(
  documents: OwnedDocuments,
  principal: Principal,
  responseId: string,
): Promise<LeftResponse> {
  const events: ResponseEvent[] = [];
  const states: AgentState[] = [];
  const modelViews: Record<string, string> = {};
  let entries = 0;
  let beyond = 0;
  let latest: Kept | undefined;
  for await (const entry of entriesOf(documents, principal, responseId)) {
    entries++;
    events.push(...entry.events);
    beyond += entry.events.length;
    if (!entry.kept) continue;
    beyond = 0;
    latest = entry.kept;
    if (latest.agent) states.push(latest.agent);
    Object.assign(modelViews, latest.transcriber.modelViews);
  }
  return {
    ...{ entries, events, beyond },
    agent: joinedStates(states),
    transcriber: latest && { ...latest.transcriber, modelViews },
    ending: latest?.ending,
  };
}

async function* entriesOf(
  documents: OwnedDocuments,
  principal: Principal,
  responseId: string,
  from = 0,
): AsyncGenerator<Entry> {
  for (let after = from === 0 ? undefined : `${responseId}.${from}`; ; ) {
    const page = { limit: pageLength, order: 'asc', name: responseId, after } as const;
    const { documents: found, more } = await documents.list(principal, kind, page);
    for (const { body } of found) yield body as Entry;
    if (!more) return;
    after = found.at(-1)!.id;
  }
}

/** The events that entries behind number `from` tell, and how many entries these are. */
export async function journalEvents(
  documents: OwnedDocuments,
  principal: Principal,
  responseId: string,
  from: number,
): Promise<{ readonly events: readonly ResponseEvent[]; readonly entries: number }> {
  const events: ResponseEvent[] = [];
  let entries = from;
  for await (const entry of entriesOf(documents, principal, responseId, from)) {
    events.push(...entry.events);
    entries++;
  }
  return { events, entries };
}

export async function removeJournal(
  documents: OwnedDocuments,
  principal: Principal,
  responseId: string,
): Promise<void> {
  await documents.deleteNamed(principal, kind, responseId);
}
