export type * from './agent.ts';
export { type AgentOptions, createAgent } from './create.ts';
