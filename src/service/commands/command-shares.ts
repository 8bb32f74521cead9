import { DragomanError } from '../../core/index.ts';

/** Commands that run in one session at once. */
const maxOfSession = 16;

/** Counts the commands that run: no session and no owner has too many, and one in four is always left for another owner. */
export class CommandShares {
  readonly #most: number;
  readonly #bySession = new Map<string, number>();
  readonly #byOwner = new Map<string, number>();
  #total = 0;

  /** @param most of all owners together */
  constructor(most: number) {
    this.#most = most;
  }

  get total(): number {
    return this.#total;
  }

  /** Counts a command; call what this returns at its end. @throws DragomanError rate_limited, overloaded */
  take(owner: string, sessionId: string): () => void {
    const maxOfOwner = Math.max(1, Math.floor(this.#most / 4));
    if ((this.#bySession.get(sessionId) ?? 0) >= maxOfSession)
      throw tooMany(`The session runs ${maxOfSession} commands already: end one first.`);
    if ((this.#byOwner.get(owner) ?? 0) >= maxOfOwner)
      throw tooMany(`${maxOfOwner} commands of yours run already: end one first.`);
    if (this.#total >= this.#most)
      throw new DragomanError('overloaded', { message: 'Too many commands run at the moment.', retryAfterSeconds: 30 });
    this.#total++;
    add(this.#bySession, sessionId, 1);
    add(this.#byOwner, owner, 1);
    return () => {
      this.#total--;
      add(this.#bySession, sessionId, -1);
      add(this.#byOwner, owner, -1);
    };
  }
}

function tooMany(message: string): DragomanError {
  return new DragomanError('rate_limited', { message, retryAfterSeconds: 10 });
}

function add(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
