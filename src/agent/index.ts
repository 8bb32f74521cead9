export type * from './agent.ts';
export { createAgent } from './create.ts';
export { joinedStates } from './journal.ts';
export { headAndTail, modelViewOf } from './model-view.ts';
