import { DragomanError, FairQueue, type Logger } from '../core/index.ts';
import { orders } from '../guest-protocol/index.ts';
import type { Backend, Sandbox, SandboxLimits } from '../sandbox/index.ts';
import { kindKey, type RuntimeCatalogue, type SandboxKind } from './runtimes.ts';
import { serve } from './serving.ts';

export interface PoolOptions {
  readonly backend: Backend;
  readonly catalogue: RuntimeCatalogue;
  /** Parked sandboxes of each kind that is in use. */
  readonly size: number;
  /** What parked sandboxes are made with. */
  readonly limits: SandboxLimits;
  readonly logger: Logger;
  /** After so many ms without a request a kind is no longer in use. */
  readonly restMs?: number | undefined;
}

/** What a sandbox is taken for. */
export interface LeaseRequest {
  readonly kind: SandboxKind;
  readonly limits: SandboxLimits;
  readonly owner: string | undefined;
}

interface Waiter {
  readonly rack: Rack;
  resolve: (sandbox: Sandbox) => void;
  reject: (error: Error) => void;
}

/** The parked sandboxes of one kind. */
interface Rack {
  readonly kind: SandboxKind;
  readonly size: number;
  /** What waits inside is a program of the image: it takes thirty times the memory of a fork, and the whole of a processor to start. */
  readonly isLarge: boolean;
  /** How many are parked while the kind is not in use. They are not warmed: at rest, memory counts for more than a first fault. */
  readonly atRest: number;
  readonly ready: Sandbox[];
  readonly warmed: Set<Sandbox>;
  /** Ends the use of the kind; absent: it is not in use. */
  rest: NodeJS.Timeout | undefined;
  /** Until then one is parked and no more: a session that has just begun is at its first cells. */
  restock: NodeJS.Timeout | undefined;
  making: number;
  /** The last attempt to make one failed. */
  failing: boolean;
}

/** Sandboxes being made at once for requests, of all kinds: more would only slow each other and the programs down. Ahead of need it is one. */
const makers = 2;
/** How many sandboxes at the front have what their template's warm-up writes to copied: it costs 6 MB each and saves a program's first faults. */
const warmFront = 2;
/** Warming waits for quiet moments: under load it would take the processor from programs. */
const quietMs = 250;
const refillDelayMs = 10;
/** Kernels that start ahead of need would slow the first cells of the session before. */
const restockDelayMs = 500;
const usualRestMs = 300_000;
const retryDelayMs = 250;

/** Keeps sandboxes of every kind parked ahead of need. A sandbox leaves once and never comes back. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #racks = new Map<string, Rack>();
  /** Requests of all kinds, owners in turn: one that takes sandboxes faster than they are made waits for itself alone. */
  readonly #waiting = new FairQueue<Waiter>();
  #making = 0;
  #warming: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    const { mostParked } = options.backend.traits;
    for (const kind of options.catalogue.kinds) {
      const large = isLarge(kind, options.catalogue);
      const wanted = large ? Math.max(1, Math.floor(options.size / 2)) : options.size;
      const size = Math.min(wanted, mostParked.inUse);
      this.#racks.set(kindKey(kind), {
        kind,
        size,
        isLarge: large,
        // Until its language is asked for, none waits.
        atRest: !large && isUsual(kind, options.catalogue) ? mostParked.atRest : 0,
        ready: [],
        warmed: new Set(),
        rest: undefined,
        restock: undefined,
        making: 0,
        failing: false,
      });
    }
  }

  /** Begins to park sandboxes: one of each kind that is small, and more of a kind once it is asked for. */
  start(): void {
    this.#refill();
  }

  /** Parked sandboxes now, by kind. */
  parked(): Record<string, number> {
    return Object.fromEntries([...this.#racks].map(([key, rack]) => [key, rack.ready.length]));
  }

  /** A kind that has no parked sandbox and cannot be made at present. */
  lacking(): string | undefined {
    return [...this.#racks].find(([, { failing, ready }]) => failing && ready.every(({ ended }) => ended))?.[0];
  }

  /**
   * Takes a sandbox for an owner, under limits of the request. Waits for one to be made if none is parked, or if the parked ones
   * cannot get these limits.
   * @throws DragomanError sandbox_unavailable, shutting_down
   */
  async lease({ kind, limits, owner }: LeaseRequest): Promise<Sandbox> {
    const sandbox = await (this.#fits(limits)
      ? this.#take(this.#racks.get(kindKey(kind))!, owner)
      : this.#create(kind, limits, owner));
    try {
      await sandbox.adopt({ limits, owner });
      if (isLarge(kind, this.#options.catalogue)) sandbox.background(false);
      return sandbox;
    } catch (error) {
      void sandbox.destroy();
      throw error;
    }
  }

  /** Destroys parked sandboxes; requests that wait are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#warming);
    for (const { rest, restock } of this.#racks.values()) {
      clearTimeout(rest);
      clearTimeout(restock);
    }
    for (let waiter = this.#waiting.shift(); waiter; waiter = this.#waiting.shift())
      waiter.reject(new DragomanError('shutting_down'));
    const parked = [...this.#racks.values()].flatMap((rack) => rack.ready.splice(0));
    await Promise.all(parked.map((sandbox) => sandbox.destroy()));
  }

  /** Whether a parked sandbox can get these limits. */
  #fits(limits: SandboxLimits): boolean {
    const { backend, limits: usual } = this.#options;
    return (Object.keys(usual) as (keyof SandboxLimits)[]).every(
      (name) => limits[name] === usual[name] || backend.traits.adjustable.includes(name),
    );
  }

  #take(rack: Rack, owner = ''): Promise<Sandbox> {
    this.#use(rack);
    // Those that died with their zygote are about to be removed.
    const at = rack.ready.findIndex((sandbox) => !sandbox.ended);
    this.#warmLater();
    if (at >= 0) {
      const [sandbox] = rack.ready.splice(at, 1) as [Sandbox];
      rack.warmed.delete(sandbox);
      // The caller's program comes first: while others are parked, the next one is made when the program has likely ended.
      setTimeout(() => this.#refill(), rack.ready.length > 0 ? refillDelayMs : 0);
      return Promise.resolve(sandbox);
    }
    if (this.#closed) return Promise.reject(new DragomanError('shutting_down'));
    const { promise, resolve, reject } = Promise.withResolvers<Sandbox>();
    this.#waiting.push(owner, { rack, resolve, reject });
    this.#refill();
    return promise;
  }

  async #create(kind: SandboxKind, limits: SandboxLimits, owner?: string): Promise<Sandbox> {
    if (this.#closed) throw new DragomanError('shutting_down');
    const { backend, catalogue } = this.#options;
    const sandbox = await backend.create({ template: kind.template, park: catalogue.parkOf(kind), limits, owner });
    // It goes on starting while it is parked, and gives way to what runs for somebody.
    if (isLarge(kind, catalogue)) sandbox.background(true);
    if (kind.kernel === undefined) return sandbox;
    try {
      await serve(sandbox, kind.kernel);
      return sandbox;
    } catch (error) {
      void sandbox.destroy();
      throw error;
    }
  }

  /** Notes that a kind is in use. */
  #use(rack: Rack): void {
    if (this.#closed) return;
    if (rack.kind.kernel !== undefined) this.#restockLater(rack);
    if (rack.rest) return void rack.rest.refresh();
    rack.rest = setTimeout(() => this.#putToRest(rack), this.#options.restMs ?? usualRestMs);
    rack.rest.unref();
  }

  /** Not later again for each further session: those that begin without pause take from a full rack, too. */
  #restockLater(rack: Rack): void {
    rack.restock ??= setTimeout(() => {
      rack.restock = undefined;
      this.#refill();
    }, restockDelayMs).unref();
  }

  /** Keeps what is parked of a kind at rest. */
  #putToRest(rack: Rack): void {
    rack.rest = undefined;
    const kept = rack.ready.filter((sandbox) => !rack.warmed.has(sandbox)).slice(0, rack.atRest);
    const surplus = rack.ready.splice(0).filter((sandbox) => !kept.includes(sandbox));
    rack.ready.push(...kept);
    rack.warmed.clear();
    for (const sandbox of surplus) void sandbox.destroy();
    this.#refill();
  }

  #refill(): void {
    while (!this.#closed && this.#making < Math.min(makers, Math.max(1, this.#waiting.size))) {
      const rack = this.#neediest();
      if (!rack) return;
      rack.making++;
      this.#making++;
      void this.#make(rack).finally(() => {
        rack.making--;
        this.#making--;
        this.#refill();
      });
    }
  }

  /** A waiting request comes before an empty rack, an empty rack before a half-full one. */
  #neediest(): Rack | undefined {
    const making = new Map<Rack, number>();
    for (const { rack } of this.#waiting.inTurn()) {
      const others = making.get(rack) ?? 0;
      if (others >= rack.making) return rack;
      making.set(rack, others + 1);
    }
    let best: Rack | undefined;
    let most = 0;
    for (const rack of this.#racks.values()) {
      // Another one beside that of a request would slow it down.
      if (rack.isLarge && making.has(rack)) continue;
      // What is being made for a request will not be parked.
      const parking = rack.making - (making.get(rack) ?? 0);
      const size = rack.rest ? (rack.restock ? 1 : rack.size) : rack.atRest;
      const need = (size - rack.ready.length - parking) / size;
      if (need > most) {
        best = rack;
        most = need;
      }
    }
    return best;
  }

  async #make(rack: Rack): Promise<void> {
    let sandbox: Sandbox;
    try {
      sandbox = await this.#create(rack.kind, this.#options.limits);
      rack.failing = false;
    } catch (error) {
      // One that was killed while it was made costs the request that waits for it nothing: the next one is made for it.
      const isFirst = !rack.failing;
      rack.failing = true;
      const reason = String((error as Error).cause ?? error);
      this.#options.logger.error({ kind: kindKey(rack.kind), error: reason }, 'a sandbox could not be made');
      if (isFirst) return;
      this.#waiting.shift((waiter) => waiter.rack === rack)?.reject(error as Error);
      await new Promise((resolve) => setTimeout(resolve, retryDelayMs));
      return;
    }
    if (this.#closed) return sandbox.destroy();
    const waiter = this.#waiting.shift((each) => each.rack === rack);
    if (waiter) return waiter.resolve(sandbox);
    rack.ready.push(sandbox);
    void sandbox.exited.then(() => this.#discard(rack, sandbox));
    this.#warmLater();
  }

  #warmLater(): void {
    if (this.#options.backend.traits.warmUnit !== 'fork') return;
    clearTimeout(this.#warming);
    this.#warming = setTimeout(() => {
      for (const rack of this.#racks.values()) if (rack.rest) this.#warmFront(rack);
    }, quietMs);
    this.#warming.unref();
  }

  #warmFront(rack: Rack): void {
    const template = this.#options.catalogue.templates.find((template) => template.name === rack.kind.template);
    // Only what waits will run the program itself: a session's kernel is another fork, which would copy what was touched for it.
    if (!template?.warm || rack.kind.park === undefined) return;
    for (const sandbox of rack.ready.slice(0, warmFront)) {
      if (rack.warmed.has(sandbox)) continue;
      rack.warmed.add(sandbox);
      void sandbox.link.send(orders.warm());
    }
  }

  /** Removes a parked sandbox that ended by itself: its zygote died. */
  #discard(rack: Rack, sandbox: Sandbox): void {
    const at = rack.ready.indexOf(sandbox);
    if (at < 0) return;
    rack.ready.splice(at, 1);
    rack.warmed.delete(sandbox);
    void sandbox.destroy();
    this.#refill();
  }
}

/** What waits inside is an interpreter of the image that takes orders; one that is begun ahead as it is, a shell, and a fork are small. */
function isLarge(kind: SandboxKind, catalogue: RuntimeCatalogue): boolean {
  const park = catalogue.parkOf(kind);
  if (park) return Array.isArray(park);
  return kind.kernel ? 'argv' in kind.kernel.start : false;
}

/** Of the kinds of sessions, the one that most begin as. A program that is forked would have to be loaded for nobody. */
function isUsual({ template, kernel }: SandboxKind, { templates }: RuntimeCatalogue): boolean {
  if (templates.some(({ name, forks }) => forks && name === template)) return false;
  return kernel === undefined || (kernel !== null && 'module' in kernel.start);
}
