export { WorkerCalls } from './calls/worker-calls.ts';
export { Connection, type ConnectionOptions } from './connection.ts';
export { examineServer, type ServerFacts } from './doctor/server-facts.ts';
export { excessiveRights } from './doctor/worker-rights.ts';
export { type GrantAsk, type Granted, WorkerFiles } from './files/worker-files.ts';
export { WorkerTable } from './leases/worker-table.ts';
export { ClusterRunner } from './runner/cluster-runner.ts';
export { gatewayQueue, gatewaySubject, gatewaySubjects, inboxOf, seatOf } from './subjects.ts';
export { type OwnQuestion, WorkerService } from './worker/worker-service.ts';
