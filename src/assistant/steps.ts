import type { AssistantPart } from '../agent/index.ts';
import { isId, type Principal } from '../core/index.ts';
import type { OwnedDocuments } from './owned-documents.ts';
import type { WaitingCode } from './responses/waiting-code.ts';

/** The kind says the version: what an older service stored has other fields, and ends with its retention. */
const kind = 'assistant_steps';

/**
 * What a model did before it called functions of a client whose history holds the calls alone, or lacks what a provider wants back.
 * It is stored by the id of a call.
 */
export interface StoredSteps {
  readonly parts: readonly AssistantPart[];
  /** The session code ran in. */
  readonly sessionId: string | null;
  /** The code that waits for the functions. */
  readonly waiting?: WaitingCode | undefined;
}

/** The steps of answers that a client continues. */
export class Steps {
  readonly #documents: OwnedDocuments;

  constructor(documents: OwnedDocuments) {
    this.#documents = documents;
  }

  /** @param callId of a call, made here, without a prefix */
  async keep(principal: Principal, callId: string, steps: StoredSteps): Promise<void> {
    await this.#documents.put(principal, { kind, id: callId, body: steps });
  }

  /** The principal's own steps before a call. */
  async find(principal: Principal, callId: string): Promise<StoredSteps | undefined> {
    const document = isId(callId) ? await this.#documents.get(principal, kind, callId) : undefined;
    return document && (document.body as StoredSteps);
  }
}
