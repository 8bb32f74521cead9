import { newId } from '../../core/index.ts';
import type { HeldLease, Leases } from '../../service/index.ts';

/** The right to work on a response. */
export interface Claim {
  /** What every write of its holder must hold. Absent: no other process can get between. */
  readonly held?: HeldLease;
}

/** How long a process may be silent before another one takes its responses over. */
const leaseMs = 15_000;

/**
 * Which process works on which response. A process that was taken for dead finds its lease gone at its next write. Where one process has
 * the records for itself, it claims everything, and writes nothing for it.
 */
export class Claims {
  readonly #leases: Leases | undefined;
  readonly #now: () => number;

  /** @param leases those of the processes that share the records; absent: this one has them for itself */
  constructor(leases: Leases | undefined, now: () => number) {
    this.#leases = leases;
    this.#now = now;
  }

  get areShared(): boolean {
    return this.#leases !== undefined;
  }

  /** @returns undefined when another process works on it */
  async take(responseId: string): Promise<Claim | undefined> {
    return this.#take(responseId, this.#now());
  }

  /** Takes it from the process that works on it, which then writes nothing more. */
  async seize(responseId: string): Promise<Claim> {
    return (await this.#take(responseId, Number.MAX_SAFE_INTEGER)) ?? {};
  }

  /** @returns false when another process has taken it over */
  async renew({ held }: Claim): Promise<boolean> {
    if (!held || !this.#leases) return true;
    return this.#leases.prolong(held, this.#now() + leaseMs);
  }

  async release({ held }: Claim): Promise<void> {
    if (held) await this.#leases?.release(held.name, held.holder);
  }

  async #take(responseId: string, now: number): Promise<Claim | undefined> {
    if (!this.#leases) return {};
    // A holder of its own each time: what this process began under an earlier claim is fenced as well.
    const held = { name: `response:${responseId}`, holder: newId() };
    const isTaken = await this.#leases.take(held.name, held.holder, now, this.#now() + leaseMs);
    return isTaken ? { held } : undefined;
  }
}
