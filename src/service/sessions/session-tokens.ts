import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Secrets that open one session and nothing else. They are derived from the session's id, so nothing is stored, every process of the
 * service knows them, and they are the same each time they are told.
 */
export class SessionTokens {
  readonly #secret: Buffer;

  /** @param secret at least 32 random bytes */
  constructor(secret: Buffer) {
    this.#secret = secret;
  }

  /** @param purpose tokens of two purposes differ */
  make(purpose: string, sessionId: string): string {
    return createHmac('sha256', this.#secret).update(`${purpose}\0${sessionId}`).digest('hex');
  }

  /** Whether a caller's text is the token of a session. */
  fits(purpose: string, sessionId: string, given: unknown): boolean {
    if (typeof given !== 'string') return false;
    const right = Buffer.from(this.make(purpose, sessionId));
    const shown = Buffer.from(given);
    return shown.length === right.length && timingSafeEqual(shown, right);
  }
}
