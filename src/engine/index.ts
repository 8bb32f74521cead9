export { CompileCache } from './compile-cache.ts';
export { createEngine, type EngineOptions } from './engine.ts';
export { commandsOf, type LanguageCommands } from './languages.ts';
export type {
  Artifact,
  Engine,
  EngineCallOptions,
  EngineCell,
  EngineInput,
  EngineKernel,
  EngineRequest,
  EngineRun,
  EngineSession,
  KernelRequest,
  ToolBroker,
  TouchedFile,
  WorkspaceChanges,
} from './port.ts';
export { type Kernel, loadRuntimes, type Runtime, type RuntimeCatalogue } from './runtimes.ts';
export { SandboxGone } from './sandbox-gone.ts';
