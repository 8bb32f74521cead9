export type * from './agent.ts';
export { createAgent } from './create.ts';
