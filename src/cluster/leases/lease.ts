import { JetStreamApiError, jetstreamManager, type StorageType } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { DragomanError, type Tier, type TierState, tiers } from '../../core/index.ts';
import type { Connection } from '../connection.ts';
import { leaseBucket, leaseStream, leasesTold } from '../subjects.ts';

/** A lease that is not renewed is over after this time, in milliseconds. */
export const leaseMs = 3000;
/** How often a worker renews its lease. */
export const beatMs = 1000;
/** How long the server remembers that a lease has ended. */
const markerMs = 60_000;
const maxLeaseBytes = 4096;
/** Of the reason why a tier is missing. */
const maxFaultChars = 500;
/** No tier is so slow: the time that code gets is as many times longer. */
const mostPace = 100;

/** What a worker says of itself while it lives: gateways choose workers by it. */
export interface WorkerLease {
  /** Id of this process: another one in the same seat has another. */
  readonly worker: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Of the program. */
  readonly version: string;
  /** Id of the sandbox image. */
  readonly image: string;
  /** It takes nothing new, and lets its sessions go. */
  readonly draining: boolean;
  /** Executions that may run at once, and those that do. */
  readonly places: number;
  readonly running: number;
  /** Sandboxes of sessions it may hold, and those it holds. */
  readonly maxSessions: number;
  readonly sessions: number;
  /** Bytes that are left for sandboxes. */
  readonly memory: number;
  /** What its sandboxes may be behind, and why some that are wanted are missing. */
  readonly tiers: readonly TierState[];
  /** When it was written, by the clock of the worker, in milliseconds since the epoch. */
  readonly at?: number;
}

/** Makes the bucket where it is missing. Gateways do it; a worker may not. */
export async function ensureLeases({ nats, replicas }: Connection): Promise<void> {
  await new Kvm(nats).create(leaseBucket, {
    storage: 'memory' as StorageType,
    history: 1,
    replicas,
    ttl: leaseMs,
    markerTTL: markerMs,
    maxValueSize: maxLeaseBytes,
    republish: { src: `$KV.${leaseBucket}.>`, dest: leasesTold },
  });
}

/** The leases of this moment, as bytes. */
export async function readLeases({ nats }: Connection): Promise<Uint8Array[]> {
  const { streams } = await jetstreamManager(nats);
  const { state } = await streams.info(leaseStream, { subjects_filter: `$KV.${leaseBucket}.*` });
  const messages = await Promise.all(
    Object.keys(state.subjects ?? {}).map((subject) =>
      // It may end between the list and this.
      streams.getMessage(leaseStream, { last_by_subj: subject }).catch(() => null),
    ),
  );
  return messages.flatMap((message) => (message && message.data.length > 0 ? [message.data] : []));
}

/** The sequence that was the last one, where the server refuses to store because it is not the expected one. */
export function lastSequenceOf(error: unknown): number | undefined {
  if (!(error instanceof JetStreamApiError)) return undefined;
  const found = /wrong last sequence: (\d+)/.exec(error.message)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** @throws DragomanError invalid_request for what is no lease */
export function checkedLease(lease: WorkerLease): WorkerLease {
  const numbers = [lease.startedAt, lease.places, lease.running, lease.maxSessions, lease.sessions, lease.memory];
  const texts = [lease.worker, lease.version, lease.image];
  const isLease =
    numbers.every((each) => Number.isFinite(each) && each >= 0) &&
    texts.every((each) => typeof each === 'string' && each.length <= 200) &&
    typeof lease.draining === 'boolean' &&
    Array.isArray(lease.tiers) &&
    lease.tiers.every(isTierState);
  if (!isLease) throw new DragomanError('invalid_request', { message: 'This is no lease of a worker.' });
  return lease;
}

function isTierState({ tier, fault, pace = 1 }: TierState): boolean {
  const isPace = Number.isFinite(pace) && pace >= 1 && pace <= mostPace;
  const isFault = fault === null || (typeof fault === 'string' && fault.length <= maxFaultChars);
  return tiers.includes(tier) && isFault && isPace;
}

/** Whether a worker has sandboxes of a tier; null: of any. */
export function hasTier({ tiers }: WorkerLease, tier: Tier | null): boolean {
  return tier === null || tiers.some((each) => each.tier === tier && each.fault === null);
}
