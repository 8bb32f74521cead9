export type * from './interpreter.ts';
