import { DragomanError } from './errors.ts';

export interface HeldBytesLimits {
  /** Bytes of one principal. */
  readonly perPrincipal: number;
  /** Bytes of all principals together. */
  readonly total: number;
}

/**
 * Counts bytes that the service holds for requests: bodies until they are answered, executions until they are over, answers until
 * they are read.
 */
export class HeldBytes {
  readonly #limits: HeldBytesLimits;
  readonly #refusal: string;
  readonly #byPrincipal = new Map<string, number>();
  #total = 0;

  /** @param refusal what a caller reads when a limit is reached */
  constructor(limits: HeldBytesLimits, refusal: string) {
    this.#limits = limits;
    this.#refusal = refusal;
  }

  /** @throws DragomanError rate_limited when the principal holds too much, overloaded when all together do */
  take(principalId: string, bytes: number): void {
    const held = (this.#byPrincipal.get(principalId) ?? 0) + bytes;
    const refusal = { message: this.#refusal, retryAfterSeconds: 1 };
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
