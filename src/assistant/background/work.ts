import { DragomanError, type Principal } from '../../core/index.ts';
import type { Document, Documents } from '../../service/index.ts';
import type { OwnedDocuments } from '../owned-documents.ts';
import { removeJournal } from './journal.ts';
import type { ResponsePlan } from './plan.ts';

/** A background response that is under way, whatever process works on it. */
export interface Work {
  readonly responseId: string;
  readonly owner: Principal;
  /** How often another process has taken it over. */
  readonly takeovers: number;
  /** When it was begun or last taken over, in milliseconds since the epoch. */
  readonly at: number;
}

const workKind = 'background_response';
const planKind = 'assistant_response_plan';
const cancelKind = 'background_cancellation';
/** The service's own documents: it must find them without knowing their owners. */
const service = { tenant: '', id: '' };
/** How long a wish to cancel waits for a process that heeds it. */
const wishMs = 3_600_000;
const pageLength = 100;

/** Which background responses are under way, what they are made from, and which of them are to be cancelled: all of it in the records. */
export class BackgroundWork {
  readonly #documents: Documents;
  readonly #owned: OwnedDocuments;

  constructor(documents: Documents, owned: OwnedDocuments) {
    this.#documents = documents;
    this.#owned = owned;
  }

  /** What is written where a response begins. */
  begun(responseId: string, principal: Principal, plan: ResponsePlan): Document[] {
    const body = { owner: plan.principal, takeovers: 0, at: this.#owned.now() };
    return [
      this.#made(workKind, responseId, body, { name: nameOf(principal) }),
      ...this.#owned.made(principal, { kind: planKind, id: responseId, body: plan }),
    ];
  }

  /** What is written where another process takes a response over. */
  takenOver({ responseId, owner, takeovers }: Work): Document {
    const body = { owner, takeovers: takeovers + 1, at: this.#owned.now() };
    return this.#made(workKind, responseId, body, { name: nameOf(owner) });
  }

  async find(responseId: string): Promise<Work | undefined> {
    const document = await this.#documents.get(workKind, responseId);
    return document && workOf(document);
  }

  async plan(responseId: string): Promise<ResponsePlan | undefined> {
    return (await this.#documents.get(planKind, responseId))?.body as ResponsePlan | undefined;
  }

  /** All that is under way, oldest first. */
  async *all(): AsyncGenerator<Work> {
    for (let after: string | undefined; ; ) {
      const page = await this.#documents.list(workKind, service, { limit: pageLength, order: 'asc', after });
      yield* page.map(workOf);
      if (page.length < pageLength) return;
      after = page.at(-1)!.id;
    }
  }

  /** @throws DragomanError rate_limited when a principal has so many under way */
  async admit(principal: Principal, most: number): Promise<void> {
    const page = { limit: most, order: 'asc', name: nameOf(principal) } as const;
    const under = await this.#documents.list(workKind, service, page);
    if (under.length >= most)
      throw new DragomanError('rate_limited', { message: `At most ${most} responses run in the background.` });
  }

  /** Removes everything that a response needed while it was under way. */
  async remove(responseId: string, principal: Principal): Promise<void> {
    await removeJournal(this.#owned, principal, responseId);
    await this.#documents.delete(planKind, responseId);
    await this.#documents.delete(cancelKind, responseId);
    await this.#documents.delete(workKind, responseId);
  }

  /** Asks the process that works on a response to cancel it. */
  async wishCancel(responseId: string): Promise<void> {
    await this.#documents.put(this.#made(cancelKind, responseId, null, { expiresAt: this.#owned.now() + wishMs }));
  }

  async isCancelWished(responseId: string): Promise<boolean> {
    return (await this.#documents.get(cancelKind, responseId)) !== undefined;
  }

  /** Responses that are to be cancelled. */
  async cancelWishes(): Promise<string[]> {
    const wishes = await this.#documents.list(cancelKind, service, { limit: 1000, order: 'asc' });
    return wishes.map(({ id }) => id);
  }

  #made(kind: string, id: string, body: unknown, more: { name?: string; expiresAt?: number }): Document {
    const { tenant, id: principalId } = service;
    const now = this.#owned.now();
    const { name = null, expiresAt = this.#owned.expiry() } = more;
    return { kind, id, tenant, principalId, name, createdAt: now, expiresAt, body, essential: true };
  }
}

function workOf({ id: responseId, body }: Document): Work {
  return { responseId, ...(body as Omit<Work, 'responseId'>) };
}

function nameOf({ tenant, id }: Pick<Principal, 'tenant' | 'id'>): string {
  return JSON.stringify([tenant, id]);
}
