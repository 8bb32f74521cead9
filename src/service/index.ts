export type * from './interpreter.ts';
export { ApiKeys, type KeyStore } from './keys.ts';
