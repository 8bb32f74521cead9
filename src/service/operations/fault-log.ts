import { FairStore, type Principal } from '../../core/index.ts';

/** A request that the service failed or refused. Holds nothing of its body, its address or its answer. */
export interface Fault {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly method: string;
  /** The route's pattern, never the address. */
  readonly route: string;
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  /** Name of the caller's key; null: the caller was not known. */
  readonly caller: string | null;
}

/** Faults of each kind, of all callers together. */
const maxFaults = 300;
const keptMs = 24 * 60 * 60_000;
/** About what one takes. */
const faultBytes = 600;

/** Faults of the last day, in memory. Where there are many, the caller with the most loses its oldest first. */
export class FaultLog {
  readonly #failed = store();
  readonly #refused = store();
  #count = 0;

  /** @param share whose part of the log it takes: its caller, or the address of one that is not known */
  note(fault: Fault, share: Pick<Principal, 'tenant' | 'id'>): void {
    const faults = fault.status >= 500 ? this.#failed : this.#refused;
    this.#count++;
    faults.set({ tenant: share.tenant, principalId: share.id, id: String(this.#count) }, fault, faultBytes);
  }

  /** The latest ones, newest first: those that are the service's fault, or those that it refused. */
  list(kind: 'failed' | 'refused', limit: number): readonly Fault[] {
    const faults = kind === 'failed' ? this.#failed : this.#refused;
    faults.dropExpired();
    return [...faults.values()].reverse().slice(0, limit);
  }
}

function store() {
  return new FairStore<Fault>({ maxEntries: maxFaults, maxBytes: maxFaults * faultBytes, ttlMs: keptMs });
}
