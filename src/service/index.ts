export type { Document, Documents } from '../stores/index.ts';
export type * from './interpreter.ts';
export { type InterpreterOptions, InterpreterService } from './interpreter-service.ts';
export { ApiKeys, type KeyStore } from './keys.ts';
export type * from './sessions.ts';
