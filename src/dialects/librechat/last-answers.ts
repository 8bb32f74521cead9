import { createHash } from 'node:crypto';
import type { Principal } from '../../core/index.ts';
import type { ContinuationBody, ProgramAnswer } from './programmatic-wire.ts';

interface Kept {
  readonly principal: Principal;
  readonly request: string;
  readonly answer: ProgramAnswer;
  readonly endedAt: number;
  readonly length: number;
}

const keptMs = 10 * 60_000;
const maxKept = 500;
/** Of the text of all answers. */
const maxLength = 32 * 1024 * 1024;

/** How programs ended, for clients that never got the answer and send their last continuation again. */
export class LastAnswers {
  readonly #now: () => number;
  /** By execution; insertion order is age. */
  readonly #kept = new Map<string, Kept>();
  #length = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `id` of the execution, `request` what was answered so. */
  keep(id: string, principal: Principal, request: ContinuationBody, answer: ProgramAnswer): void {
    const length = JSON.stringify(answer).length;
    this.#kept.set(id, { principal, request: digestOf(request), answer, endedAt: this.#now(), length });
    this.#length += length;
    const oldest = this.#now() - keptMs;
    for (const [old, { endedAt, length }] of this.#kept) {
      if (this.#kept.size <= maxKept && this.#length <= maxLength && endedAt > oldest) return;
      this.#kept.delete(old);
      this.#length -= length;
    }
  }

  /** The answer to this very request, if the execution has ended with it; another's, or another request, has none. */
  find(id: string, principal: Principal, request: ContinuationBody): ProgramAnswer | undefined {
    const kept = this.#kept.get(id);
    const isIt =
      kept !== undefined &&
      kept.endedAt > this.#now() - keptMs &&
      isSame(principal, kept.principal) &&
      kept.request === digestOf(request);
    return isIt ? kept.answer : undefined;
  }
}

/** Who comes with a credential of the same context. */
export function isSame(one: Principal, other: Principal): boolean {
  return one.id === other.id && one.tenant === other.tenant && one.authContext === other.authContext;
}

/** Of a request as it was read; none where it is nested too deeply, which no program ever accepted. */
function digestOf(request: ContinuationBody): string {
  try {
    return createHash('sha256').update(JSON.stringify(request)).digest('base64');
  } catch {
    return '';
  }
}
