import { DragomanError } from '../core/index.ts';

export interface BodyMemoryLimits {
  /** Bytes of bodies under way for one principal. */
  readonly perPrincipal: number;
  /** And for all together. */
  readonly total: number;
}

const refusal = { message: 'Too much is being sent at once.', retryAfterSeconds: 1 };

/** Accounts for the bytes of request bodies, from their arrival until their requests are answered. */
export class BodyMemory {
  readonly #limits: BodyMemoryLimits;
  readonly #byPrincipal = new Map<string, number>();
  #total = 0;

  constructor(limits: BodyMemoryLimits) {
    this.#limits = limits;
  }

  /** @throws DragomanError rate_limited when the principal has too much under way, overloaded when all together have */
  take(principalId: string, bytes: number): void {
    const held = (this.#byPrincipal.get(principalId) ?? 0) + bytes;
    if (held > this.#limits.perPrincipal) throw new DragomanError('rate_limited', refusal);
    if (this.#total + bytes > this.#limits.total) throw new DragomanError('overloaded', refusal);
    this.#byPrincipal.set(principalId, held);
    this.#total += bytes;
  }

  give(principalId: string, bytes: number): void {
    const held = (this.#byPrincipal.get(principalId) ?? 0) - bytes;
    if (held > 0) this.#byPrincipal.set(principalId, held);
    else this.#byPrincipal.delete(principalId);
    this.#total -= bytes;
  }
}
