export type { Document, Documents } from '../stores/index.ts';
export { Admission } from './admission.ts';
export type * from './interpreter.ts';
export { type InterpreterOptions, InterpreterService } from './interpreter-service.ts';
export { ApiKeys, type KeyStore } from './keys.ts';
export { SessionService, type SessionServiceOptions } from './sessions/session-service.ts';
export type * from './sessions.ts';
export { Shelf } from './shelf.ts';
export {
  sumOfUsage,
  type UsageAmounts,
  type UsageDay,
  UsageLedger,
  type UsageMeter,
  type UsageReport,
} from './usage.ts';
