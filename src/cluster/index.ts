export { Connection, type ConnectionOptions, Unanswered } from './connection.ts';
export { HeldLease, type HeldLeaseOptions } from './leases/held-lease.ts';
export type { WorkerLease } from './leases/lease.ts';
export { WorkerTable } from './leases/worker-table.ts';
