export { Connection, type ConnectionOptions, Unanswered } from './connection.ts';
export { examineServer, type ServerFacts } from './doctor/server-facts.ts';
export { excessiveRights } from './doctor/worker-rights.ts';
export { HeldLease, type HeldLeaseOptions } from './leases/held-lease.ts';
export type { WorkerLease } from './leases/lease.ts';
export { WorkerTable } from './leases/worker-table.ts';
export { inboxOf } from './subjects.ts';
