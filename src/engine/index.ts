export type { Artifact } from './artifacts.ts';
export { Engine, type EngineCallOptions, type EngineRequest, type EngineRun } from './engine.ts';
export { type Kernel, loadRuntimes, type Runtime, type RuntimeCatalogue } from './runtimes.ts';
export type { EngineCell, EngineSession, TouchedFile, WorkspaceChanges } from './session.ts';
export type { EngineInput } from './staging.ts';
export type { ToolBroker } from './tools/index.ts';
