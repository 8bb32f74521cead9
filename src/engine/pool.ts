import { DragomanError, type Logger } from '../core/index.ts';
import { orders } from '../guest-protocol/index.ts';
import type { IsolationBackend, Sandbox } from '../sandbox/index.ts';
import { kindKey, type RuntimeCatalogue, type SandboxKind } from './runtimes.ts';

export interface PoolOptions {
  readonly backend: IsolationBackend;
  readonly catalogue: RuntimeCatalogue;
  /** Parked sandboxes of each kind. */
  readonly size: number;
  readonly logger: Logger;
}

interface Waiter {
  resolve: (sandbox: Sandbox) => void;
  reject: (error: Error) => void;
}

interface Shelf {
  readonly kind: SandboxKind;
  readonly size: number;
  readonly ready: Sandbox[];
  readonly warmed: Set<Sandbox>;
  readonly waiting: Waiter[];
  making: number;
  /** The last attempt to make one failed. */
  failing: boolean;
}

/** Sandboxes being made at once over all kinds: more would only slow each other and the programs down. */
const makers = 2;
/** How many of the front sandboxes repeat their template's warm-up: it costs 15 MB each and saves a program's first faults. */
const warmFront = 2;
/** Warming is for quiet moments: under load it would take the processor from programs. */
const quietMs = 250;
const refillDelayMs = 10;
const parkDeadlineMs = 15_000;
const retryDelayMs = 250;

/** Keeps sandboxes of every kind parked ahead of need. A sandbox leaves it once and never comes back. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #shelves = new Map<string, Shelf>();
  #making = 0;
  #warming: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    for (const kind of options.catalogue.kinds) {
      // A parked program of the image is ten times as large as a fork of the zygote.
      const isLarge = kind.park !== undefined && !('module' in options.catalogue.parks.get(kind.park)!);
      const size = isLarge ? Math.max(1, Math.floor(options.size / 2)) : options.size;
      this.#shelves.set(kindKey(kind), {
        kind,
        size,
        ready: [],
        warmed: new Set(),
        waiting: [],
        making: 0,
        failing: false,
      });
    }
  }

  /** Begins to fill the shelves. */
  start(): void {
    this.#refill();
  }

  /** Parked sandboxes now, by kind. */
  parked(): Record<string, number> {
    return Object.fromEntries([...this.#shelves].map(([key, shelf]) => [key, shelf.ready.length]));
  }

  /** A kind of which there is none and none can be made at present. */
  lacking(): string | undefined {
    return [...this.#shelves].find(([, { failing, ready }]) => failing && ready.every(({ ended }) => ended))?.[0];
  }

  /** Takes a sandbox, waiting for one to be made if none is parked. @throws DragomanError sandbox_unavailable */
  lease(kind: SandboxKind): Promise<Sandbox> {
    const shelf = this.#shelves.get(kindKey(kind))!;
    // Those that died with their zygote are on their way out.
    const at = shelf.ready.findIndex((sandbox) => !sandbox.ended);
    this.#warmLater();
    if (at >= 0) {
      const [sandbox] = shelf.ready.splice(at, 1) as [Sandbox];
      shelf.warmed.delete(sandbox);
      // The caller's program comes first: while the shelf is not bare, making the next sandbox waits until it has likely ended.
      setTimeout(() => this.#refill(), shelf.ready.length > 0 ? refillDelayMs : 0);
      return Promise.resolve(sandbox);
    }
    if (this.#closed) return Promise.reject(new DragomanError('shutting_down'));
    const { promise, resolve, reject } = Promise.withResolvers<Sandbox>();
    shelf.waiting.push({ resolve, reject });
    this.#refill();
    return promise;
  }

  /** Destroys what is parked; whoever waits is refused. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#warming);
    const parked = [...this.#shelves.values()].flatMap((shelf) => {
      for (const waiter of shelf.waiting.splice(0)) waiter.reject(new DragomanError('shutting_down'));
      return shelf.ready.splice(0);
    });
    await Promise.all(parked.map((sandbox) => sandbox.destroy()));
  }

  #refill(): void {
    while (!this.#closed && this.#making < makers) {
      const shelf = this.#neediest();
      if (!shelf) return;
      shelf.making++;
      this.#making++;
      void this.#make(shelf).finally(() => {
        shelf.making--;
        this.#making--;
        this.#refill();
      });
    }
  }

  /** Somebody waiting comes before an empty shelf, an empty shelf before a half-full one. */
  #neediest(): Shelf | undefined {
    let best: Shelf | undefined;
    let most = 0;
    for (const shelf of this.#shelves.values()) {
      const waiting = shelf.waiting.length - shelf.making;
      const missing = shelf.size - shelf.ready.length - shelf.making;
      const need = waiting > 0 ? 1000 + waiting : missing / shelf.size;
      if (need > most) {
        best = shelf;
        most = need;
      }
    }
    return best;
  }

  async #make(shelf: Shelf): Promise<void> {
    let sandbox: Sandbox;
    try {
      sandbox = await this.#options.backend.create(shelf.kind.template);
      if (shelf.kind.park !== undefined) await this.#park(sandbox, shelf.kind.park);
      shelf.failing = false;
    } catch (error) {
      shelf.failing = true;
      this.#options.logger.error(
        { kind: kindKey(shelf.kind), error: String((error as Error).cause ?? error) },
        'no sandbox',
      );
      shelf.waiting.shift()?.reject(error as Error);
      await new Promise((resolve) => setTimeout(resolve, retryDelayMs));
      return;
    }
    if (this.#closed) return sandbox.destroy();
    const waiter = shelf.waiting.shift();
    if (waiter) return waiter.resolve(sandbox);
    shelf.ready.push(sandbox);
    sandbox.exited.then(() => this.#discard(shelf, sandbox));
    this.#warmLater();
  }

  async #park(sandbox: Sandbox, name: string): Promise<void> {
    const parked = Promise.withResolvers<void>();
    const fail = (message: string) =>
      parked.reject(new DragomanError('sandbox_unavailable', { cause: new Error(message) }));
    const timer = setTimeout(() => fail(`${name} did not park in time`), parkDeadlineMs);
    sandbox.listen({
      stdout() {},
      stderr() {},
      claim(claim) {
        if (claim.claim === 'parked') parked.resolve();
      },
    });
    sandbox.exited.then(() => fail(`the sandbox ended while ${name} was parked`));
    try {
      await sandbox.send(orders.park(this.#options.catalogue.parks.get(name)!));
      await parked.promise;
    } catch (error) {
      await sandbox.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #warmLater(): void {
    clearTimeout(this.#warming);
    this.#warming = setTimeout(() => {
      for (const shelf of this.#shelves.values()) this.#warmFront(shelf);
    }, quietMs);
    this.#warming.unref();
  }

  #warmFront(shelf: Shelf): void {
    const template = this.#options.catalogue.templates.find((template) => template.name === shelf.kind.template);
    if (!template?.warm) return;
    for (const sandbox of shelf.ready.slice(0, warmFront)) {
      if (shelf.warmed.has(sandbox)) continue;
      shelf.warmed.add(sandbox);
      void sandbox.send(orders.warm());
    }
  }

  /** A parked sandbox that ended by itself: its zygote died. */
  #discard(shelf: Shelf, sandbox: Sandbox): void {
    const at = shelf.ready.indexOf(sandbox);
    if (at < 0) return;
    shelf.ready.splice(at, 1);
    shelf.warmed.delete(sandbox);
    void sandbox.destroy();
    this.#refill();
  }
}
