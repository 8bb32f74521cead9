import { createHash } from 'node:crypto';
import { FairStore, type Principal } from '../../core/index.ts';
import { jsonLength, jsonPieces } from '../../http/index.ts';
import type { ContinuationBody, ProgramAnswer } from './programmatic-wire.ts';

interface Kept {
  readonly authContext: string | undefined;
  readonly request: string;
  readonly answer: ProgramAnswer;
}

const keptMs = 10 * 60_000;
const maxKept = 500;
const maxBytes = 32 * 1024 * 1024;

/**
 * How programs ended, for clients that did not get the answer and send their last continuation again. A principal that keeps
 * much loses its own oldest answers.
 */
export class LastAnswers {
  readonly #kept: FairStore<Kept>;

  /** @param now milliseconds */
  constructor(now: () => number) {
    this.#kept = new FairStore({ maxEntries: maxKept, maxBytes, ttlMs: keptMs, now });
  }

  /** @param id of the execution; `request` is what was answered so */
  keep(id: string, principal: Principal, request: ContinuationBody, answer: ProgramAnswer): void {
    const kept = { authContext: principal.authContext, request: digestOf(request), answer };
    this.#kept.set(keyOf(principal, id), kept, jsonLength(answer));
  }

  /** The answer to this very request, if the execution has ended with it and belongs to this principal. */
  find(id: string, principal: Principal, request: ContinuationBody): ProgramAnswer | undefined {
    const kept = this.#kept.get(keyOf(principal, id));
    const isIt = kept !== undefined && kept.authContext === principal.authContext && kept.request === digestOf(request);
    return isIt ? kept.answer : undefined;
  }
}

const keyOf = ({ tenant, id: principalId }: Principal, id: string) => ({ tenant, principalId, id });

/** Whether two principals come with a credential of the same context. */
export function isSame(one: Principal, other: Principal): boolean {
  return one.id === other.id && one.tenant === other.tenant && one.authContext === other.authContext;
}

/** Of a request as it was read; empty if it is nested too deeply, which no program accepts. */
function digestOf(request: ContinuationBody): string {
  const hash = createHash('sha256');
  try {
    for (const piece of jsonPieces(request)) hash.update(piece);
  } catch {
    return '';
  }
  return hash.digest('base64');
}
