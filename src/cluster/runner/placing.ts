import { DragomanError, type Tier } from '../../core/index.ts';
import { hasTier, type WorkerLease } from '../leases/lease.ts';
import type { WorkerTable } from '../leases/worker-table.ts';

/** A worker that refused is not chosen again for so long: its lease tells of it by then. */
const avoidMs = 1500;
/** How long a worker is waited for where there is none. */
const waitMs = 5000;
const maxAvoided = 1000;

/** Chooses workers by their leases. */
export class Placing {
  readonly #workers: WorkerTable;
  /** Workers that have just refused something, with the moment until which they are avoided. */
  readonly #avoided = new Map<string, number>();

  constructor(workers: WorkerTable) {
    this.#workers = workers;
  }

  /** This worker refuses what is new. */
  avoid(worker: string): void {
    if (this.#avoided.size >= maxAvoided) this.#avoided.clear();
    this.#avoided.set(worker, performance.now() + avoidMs);
  }

  /**
   * The worker `current`, if it still takes something. Else, of those with this tier (null: any), one of two at random: the one with more
   * memory left, and with room.
   * @throws DragomanError overloaded when no worker is there, sandbox_unavailable when none has the tier
   */
  async choose(current: string | null, tier: Tier | null): Promise<string> {
    const held = current === null ? undefined : this.#workers.find(current);
    if (held && hasTier(held, tier) && this.#takes(held)) return held.worker;
    if (this.#workers.all().length === 0) await this.#workers.some(waitMs);
    const there = this.#workers.all().filter((lease) => !lease.draining);
    if (there.length === 0)
      throw new DragomanError('overloaded', { message: 'No worker is available.', retryAfterSeconds: 2 });
    const fit = there.filter((lease) => hasTier(lease, tier));
    if (fit.length === 0)
      throw new DragomanError('sandbox_unavailable', {
        message: `No worker has the isolation ${tier}.`,
        lasting: true,
      });
    const willing = fit.filter((lease) => this.#takes(lease));
    return better(drawn(willing.length > 0 ? willing : fit)).worker;
  }

  #takes(lease: WorkerLease): boolean {
    if (lease.draining) return false;
    const until = this.#avoided.get(lease.worker);
    if (until === undefined) return true;
    if (until > performance.now()) return false;
    this.#avoided.delete(lease.worker);
    return true;
  }
}

/** One or two of them, at random. */
function drawn(leases: readonly WorkerLease[]): [WorkerLease, WorkerLease] {
  const first = Math.floor(Math.random() * leases.length);
  const second = (first + 1 + Math.floor(Math.random() * Math.max(1, leases.length - 1))) % leases.length;
  return [leases[first]!, leases[second]!];
}

function better([a, b]: [WorkerLease, WorkerLease]): WorkerLease {
  const roomA = a.maxSessions - a.sessions;
  const roomB = b.maxSessions - b.sessions;
  if (roomA <= 0 !== roomB <= 0) return roomA > 0 ? a : b;
  const shareA = a.running / Math.max(1, a.places);
  const shareB = b.running / Math.max(1, b.places);
  // Memory comes first; between two that have as good as the same, the one with less to do.
  if (Math.abs(a.memory - b.memory) > 0.1 * Math.max(a.memory, b.memory)) return a.memory > b.memory ? a : b;
  return shareA <= shareB ? a : b;
}
