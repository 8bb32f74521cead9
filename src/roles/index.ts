export { type Service, startService } from './all.ts';
export { startFilesRole } from './files.ts';
export { startGatewayRole } from './gateway-role.ts';
export { openBytes, openRecords } from './storage.ts';
export { tierOptions } from './tier.ts';
export { makeTrialSandbox } from './trial.ts';
export type { Image } from './worker.ts';
export { startWorkerRole } from './worker-role.ts';
