import type * as All from './all.ts';
import type * as Files from './files.ts';
import type * as Gateway from './gateway-role.ts';
import type * as Worker from './worker-role.ts';

export type { Service } from './all.ts';
export { openBytes, openRecords } from './storage.ts';
export { tierOptions, tiersInUse } from './tier.ts';
export { makeTrialSandbox } from './trial.ts';
export type { Image } from './worker.ts';

// A process has one role and loads what that one needs: the libraries of a cluster take 15 MiB.
export const startService: typeof All.startService = async (...given) =>
  (await import('./all.ts')).startService(...given);
export const startFilesRole: typeof Files.startFilesRole = async (...given) =>
  (await import('./files.ts')).startFilesRole(...given);
export const startGatewayRole: typeof Gateway.startGatewayRole = async (...given) =>
  (await import('./gateway-role.ts')).startGatewayRole(...given);
export const startWorkerRole: typeof Worker.startWorkerRole = async (...given) =>
  (await import('./worker-role.ts')).startWorkerRole(...given);
