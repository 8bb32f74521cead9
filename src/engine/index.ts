export type { Artifact } from './artifacts.ts';
export { CompileCache } from './compile-cache.ts';
export { Engine, type EngineCallOptions, type EngineRequest, type EngineRun } from './engine.ts';
export { commandsOf, type LanguageCommands } from './languages.ts';
export { type Kernel, loadRuntimes, type Runtime, type RuntimeCatalogue } from './runtimes.ts';
export type { EngineCell, EngineSession, TouchedFile, WorkspaceChanges } from './session.ts';
export type { EngineInput } from './staging.ts';
export type { ToolBroker } from './tools/index.ts';
