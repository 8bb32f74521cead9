export { type Image, openRecords, type Service, startService } from './all.ts';
export { makeTrialSandbox } from './trial.ts';
