import { DragomanError, type Plan } from '../../core/index.ts';

export interface AdmissionOptions {
  /** Executions running at once; the number may change. */
  readonly places: number | (() => number);
  /** How many gateways share what a principal may run and let wait; absent: this one alone. */
  readonly gateways?: (() => number) | undefined;
  /** How long one may wait. */
  readonly waitMs: number;
}

/** How many executions of one principal may run and wait. */
type Share = Pick<Plan, 'running' | 'waiting'>;

interface Waiter {
  readonly share: Share;
  admit: () => void;
  refuse: (error: Error) => void;
}

/**
 * Lets executions in, fairly: no principal holds every place while another waits, and places are given in turn among those
 * who wait. An execution that cannot wait is refused, with the time after which it makes sense to try again.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #running = new Map<string, number>();
  /** Insertion order is the turn order: a principal that was served goes to the end. */
  readonly #queues = new Map<string, Waiter[]>();
  #total = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Executions that may run at once. */
  get places(): number {
    const { places } = this.#options;
    return typeof places === 'number' ? places : places();
  }

  /** One place in four is always left for another principal. */
  get #usualShare(): number {
    return Math.max(1, this.places - Math.max(1, Math.floor(this.places / 4)));
  }

  /** The part of a principal's share that this gateway gives. */
  #part(share: number): number {
    return Math.ceil(share / (this.#options.gateways?.() ?? 1));
  }

  get running(): number {
    return this.#total;
  }

  get waiting(): number {
    let sum = 0;
    for (const queue of this.#queues.values()) sum += queue.length;
    return sum;
  }

  /**
   * Waits for a place and returns the function that gives it back.
   * @throws DragomanError rate_limited when the principal's own queue is full; overloaded after the longest wait; cancelled
   */
  async enter(principal: string, share: Share, signal?: AbortSignal): Promise<() => void> {
    if (signal?.aborted) throw new DragomanError('cancelled');
    if (this.#free(principal, share)) return this.#taken(principal);
    await this.#wait(principal, share, signal);
    return this.#leaver(principal);
  }

  /** A place that can be lent, where one is free; undefined: it has to be waited for. */
  takeFree(principal: string, share: Share, signal: () => AbortSignal): Place | undefined {
    if (!this.#free(principal, share)) return undefined;
    return new Place((asked) => this.enter(principal, asked, signal()), share, this.#taken(principal));
  }

  /** Waits for a place that can be lent. @throws DragomanError as `enter` */
  async take(principal: string, share: Share, signal: AbortSignal): Promise<Place> {
    const enter = (asked: Share) => this.enter(principal, asked, signal);
    return new Place(enter, share, await enter(share));
  }

  #free(principal: string, { running = this.#usualShare }: Share): boolean {
    return this.#total < this.places && (this.#running.get(principal) ?? 0) < this.#part(running);
  }

  /** Takes a place that is free. Returns what gives it back. */
  #taken(principal: string): () => void {
    this.#take(principal);
    return this.#leaver(principal);
  }

  #leaver(principal: string): () => void {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#leave(principal);
    };
  }

  #take(principal: string): void {
    this.#total++;
    this.#running.set(principal, (this.#running.get(principal) ?? 0) + 1);
  }

  #leave(principal: string): void {
    this.#total--;
    const running = this.#running.get(principal)! - 1;
    if (running > 0) this.#running.set(principal, running);
    else this.#running.delete(principal);
    // There may be more places by now than there were.
    while (this.#admitNext());
  }

  /** Lets in the one whose turn it is. @returns false when there is none, or no place for it */
  #admitNext(): boolean {
    for (const [next, queue] of this.#queues) {
      if (!this.#free(next, queue[0]!.share)) continue;
      this.#queues.delete(next);
      const waiter = queue.shift()!;
      if (queue.length > 0) this.#queues.set(next, queue);
      this.#take(next);
      waiter.admit();
      return true;
    }
    return false;
  }

  async #wait(principal: string, share: Share, signal: AbortSignal | undefined): Promise<void> {
    const queue = this.#queues.get(principal) ?? [];
    const retryAfterSeconds = Math.max(1, Math.ceil(this.#options.waitMs / 4000));
    if (queue.length >= this.#part(share.waiting)) {
      const message = `${queue.length} executions are waiting already`;
      throw new DragomanError('rate_limited', { message, retryAfterSeconds });
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { share, admit: resolve, refuse: reject };
    queue.push(waiter);
    this.#queues.set(principal, queue);
    const giveUp = (error: DragomanError) => {
      const at = queue.indexOf(waiter);
      if (at >= 0) queue.splice(at, 1);
      if (queue.length === 0 && this.#queues.get(principal) === queue) this.#queues.delete(principal);
      waiter.refuse(error);
    };
    const cancel = () => giveUp(new DragomanError('cancelled'));
    const timer = setTimeout(
      () => giveUp(new DragomanError('overloaded', { retryAfterSeconds })),
      this.#options.waitMs,
    );
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    }
  }
}

/** A place among the executions that run. While its execution waits for tool results, another may have the place. */
export class Place {
  readonly #enter: (share: Share) => Promise<() => void>;
  readonly #share: Share;
  #leave: (() => void) | undefined;
  #isOver = false;

  constructor(enter: (share: Share) => Promise<() => void>, share: Share, leave: () => void) {
    this.#enter = enter;
    this.#share = share;
    this.#leave = leave;
  }

  /** Gives the place to others until `regain`. */
  lend(): void {
    this.#leave?.();
    this.#leave = undefined;
  }

  /** Waits for a place however long that takes, because an execution that has begun is not refused. @throws DragomanError cancelled */
  async regain(): Promise<void> {
    while (!this.#leave && !this.#isOver) {
      try {
        this.#leave = await this.#enter({ ...this.#share, waiting: Number.POSITIVE_INFINITY });
      } catch (error) {
        if (!(error instanceof DragomanError && error.code === 'overloaded')) throw error;
      }
    }
    if (this.#isOver) this.lend();
  }

  /** Gives the place back for good. */
  leave(): void {
    this.#isOver = true;
    this.lend();
  }
}
