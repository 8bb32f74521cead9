export type * from './agent.ts';
export { createAgent } from './create.ts';
export { joinedStates, type LoopJournal, type LoopState } from './journal.ts';
export { headAndTail, modelViewOf } from './model-view.ts';
