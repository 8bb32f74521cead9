export { type Service, startService } from './all.ts';
export { openRecords } from './storage.ts';
export { makeTrialSandbox } from './trial.ts';
