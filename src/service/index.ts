export type { Document, Documents, UsageAmounts, UsageDay } from '../stores/index.ts';
export { Admission } from './admission/admission.ts';
export type * from './executions/interpreter.ts';
export { InterpreterService } from './executions/interpreter-service.ts';
export { StoredJobFiles } from './executions/job-files.ts';
export { FileService } from './files/file-service.ts';
export { FileSweeper } from './files/file-sweeper.ts';
export { ApiKeys } from './keys/keys.ts';
export { SessionService } from './sessions/session-service.ts';
export type * from './sessions/sessions.ts';
export {
  sumOfUsage,
  UsageLedger,
  type UsageMeter,
  type UsageReport,
} from './usage/usage.ts';
