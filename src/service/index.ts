export type * from './interpreter.ts';
export { type InterpreterOptions, InterpreterService } from './interpreter-service.ts';
export { ApiKeys, type KeyStore } from './keys.ts';
