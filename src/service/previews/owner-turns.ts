import { DragomanError } from '../../core/index.ts';

interface Line {
  running: number;
  readonly waiting: { readonly begin: () => void }[];
}

/** Lets each owner do so many things at once, and keep so many waiting. */
export class OwnerTurns {
  readonly #limits: { readonly running: number; readonly waiting: number };
  readonly #lines = new Map<string, Line>();

  constructor(limits: { readonly running: number; readonly waiting: number }) {
    this.#limits = limits;
  }

  /** Waits for a turn, and returns the function that ends it. @throws DragomanError rate_limited when too many wait; cancelled */
  async enter(owner: string, signal: AbortSignal): Promise<() => void> {
    const line = this.#lines.get(owner) ?? { running: 0, waiting: [] };
    if (signal.aborted) throw new DragomanError('cancelled');
    if (line.running >= this.#limits.running) await this.#wait(line, signal);
    else line.running++;
    this.#lines.set(owner, line);
    return () => {
      const next = line.waiting.shift();
      if (next) next.begin();
      else if (--line.running === 0) this.#lines.delete(owner);
    };
  }

  async #wait(line: Line, signal: AbortSignal): Promise<void> {
    if (line.waiting.length >= this.#limits.waiting) {
      const message = `${line.waiting.length} previews are waiting already`;
      throw new DragomanError('rate_limited', { message, retryAfterSeconds: 2 });
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { begin: resolve };
    const giveUp = () => {
      const at = line.waiting.indexOf(waiter);
      if (at < 0) return;
      line.waiting.splice(at, 1);
      reject(new DragomanError('cancelled'));
    };
    line.waiting.push(waiter);
    signal.addEventListener('abort', giveUp, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', giveUp));
  }
}
