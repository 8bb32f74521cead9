export type * from './agent.ts';
export { createAgent } from './create.ts';
export { headAndTail, type ModelView, modelViewOf } from './model-view.ts';
