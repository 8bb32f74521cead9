import { type Aside, type Claim, type ClaimAllowance, ClaimDecoder } from '../guest-protocol/index.ts';

/** Claims that arrive on a link, decoded and delivered one after the other. */
export class ClaimQueue {
  readonly #decoder = new ClaimDecoder();
  readonly #deliver: (said: Claim | Aside) => void;
  readonly #onViolation: () => void;
  /** Those that have arrived and not been delivered. */
  readonly #waiting: (Claim | Aside)[] = [];
  #isDelivering = false;
  /** What the sandbox said that is no claim, or too much. */
  violation: string | undefined;

  constructor(deliver: (said: Claim | Aside) => void, onViolation: () => void) {
    this.#deliver = deliver;
    this.#onViolation = onViolation;
  }

  allow(allowance: ClaimAllowance | undefined): void {
    this.#decoder.allow(allowance);
  }

  grant(bytes: number): void {
    this.#decoder.grant(bytes);
  }

  /** The sandbox has done what no guest does. */
  violate(message: string): void {
    if (this.violation !== undefined) return;
    this.violation = message;
    this.#onViolation();
  }

  hear(chunk: Uint8Array): void {
    if (this.violation !== undefined) return;
    try {
      this.#waiting.push(...this.#decoder.push(chunk));
    } catch (error) {
      this.violate((error as Error).message);
      return;
    }
    // A listener that flushes on a claim hears the next claims after it, not within it.
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    try {
      for (let said = this.#waiting.shift(); said; said = this.#waiting.shift()) this.#deliver(said);
    } finally {
      this.#isDelivering = false;
    }
  }
}
