import { randomInt, timingSafeEqual } from 'node:crypto';
import { isLoopbackHost, secretHash } from '../../core/index.ts';

/** No letters that look like digits, and no vowels. */
const letters = '23456789BCDFGHJKMNPQRSTVWXZ';
const lifeMs = 10 * 60_000;
const maxWrong = 5;

/** A code that the service prints when it starts. It signs one browser of this machine in, once. */
export class StartCode {
  /** Twelve letters in groups of four: 57 bits. */
  readonly text: string;
  readonly #keyHash: string;
  readonly #until: number;
  readonly #now: () => number;
  #wrong = 0;
  #isUsed = false;

  /** @param now milliseconds since the epoch */
  constructor(keyHash: string, now: () => number) {
    const random = Array.from({ length: 12 }, () => letters[randomInt(letters.length)]).join('');
    this.text = random.replace(/(.{4})(?=.)/g, '$1-');
    this.#keyHash = keyHash;
    this.#now = now;
    this.#until = now() + lifeMs;
  }

  /** The hash of the key that the code signs in with. The code is of no use after that, after ten minutes, or after five wrong ones. */
  take(code: string, address: string): string | undefined {
    if (this.#isUsed || this.#wrong >= maxWrong || this.#now() > this.#until || !isLoopbackHost(address))
      return undefined;
    const [given, own] = [code.trim().toUpperCase(), this.text].map((text) => Buffer.from(secretHash(text)));
    if (!timingSafeEqual(given!, own!)) {
      this.#wrong++;
      return undefined;
    }
    this.#isUsed = true;
    return this.#keyHash;
  }
}
