import { jetstreamManager } from '@nats-io/jetstream';
import type { Connection } from '../connection.ts';
import { checkedLease, type WorkerLease } from '../leases/lease.ts';
import { decode } from '../message.ts';
import { leaseBucket, leaseStream } from '../subjects.ts';

/** What a gateway finds out about the NATS server and the workers on it. */
export interface ServerFacts {
  readonly version: string;
  /** Servers of its cluster that clients may use, this one included. */
  readonly servers: number;
  readonly isEncrypted: boolean;
  readonly maxMessageBytes: number;
  /** What JetStream may keep on disk, in bytes; -1: any amount. Null: JetStream is off, or not for this account. */
  readonly diskBytes: number | null;
  /** Null: no gateway has made the bucket of leases yet. */
  readonly workers: readonly WorkerFacts[] | null;
  /** The clock of the server minus that of this machine, in milliseconds. Null: it could not be asked. */
  readonly skewMs: number | null;
}

interface WorkerFacts {
  readonly lease: WorkerLease;
  /** The clock of the worker minus that of the server, in milliseconds; null: it does not say. */
  readonly skewMs: number | null;
}

/** Asks the server with the rights of a gateway, and changes nothing. */
export async function examineServer({ nats }: Connection): Promise<ServerFacts> {
  const { info } = nats;
  if (!info) throw new Error('The NATS server has not said what it is.');
  const manager = await jetstreamManager(nats, { checkAPI: false, timeout: 5000 });
  const account = await manager.getAccountInfo().catch(() => null);
  const leases = account === null ? null : await readWorkers(manager);
  return {
    version: info.version,
    servers: Math.max(1, info.connect_urls?.length ?? 1),
    isEncrypted: info.tls_required === true || info.tls_available === true,
    maxMessageBytes: info.max_payload,
    diskBytes: account === null ? null : account.limits.max_storage,
    workers: leases?.workers ?? null,
    skewMs: leases?.skewMs ?? null,
  };
}

type Manager = Awaited<ReturnType<typeof jetstreamManager>>;

async function readWorkers({ streams }: Manager): Promise<{ workers: WorkerFacts[]; skewMs: number | null } | null> {
  const before = Date.now();
  const found = await streams.info(leaseStream, { subjects_filter: `$KV.${leaseBucket}.*` }).catch(() => null);
  const after = Date.now();
  if (found === null) return null;
  // The server says when it answered.
  const said = Date.parse((found as { ts?: string }).ts ?? '');
  const subjects = Object.keys(found.state.subjects ?? {});
  const messages = await Promise.all(
    subjects.map((subject) => streams.getMessage(leaseStream, { last_by_subj: subject }).catch(() => null)),
  );
  const workers = messages.flatMap((message) => {
    if (!message || message.data.length === 0) return [];
    const lease = checkedLease(decode<WorkerLease>(message.data));
    return [{ lease, skewMs: lease.at === undefined ? null : lease.at - message.time.getTime() }];
  });
  return { workers, skewMs: Number.isNaN(said) ? null : said - (before + after) / 2 };
}
