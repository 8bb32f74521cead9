export type { Artifact } from './artifacts.ts';
export { Engine, type EngineRequest, type EngineRun, type EngineSession } from './engine.ts';
export { loadRuntimes, type Runtime, type RuntimeCatalogue } from './runtimes.ts';
export type { EngineInput } from './staging.ts';
