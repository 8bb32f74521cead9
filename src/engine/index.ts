export type { CommandRequest, EngineCommand, EngineFiles } from './beside/index.ts';
export { CompileCache } from './compile-cache.ts';
export { createEngine } from './engine.ts';
export { notKept, withNote } from './epilogue.ts';
export { loadHints } from './hints.ts';
export { commandsOf } from './languages.ts';
export type {
  Engine,
  EngineCallOptions,
  EngineCell,
  EngineInput,
  EngineSession,
  SessionNotes,
  ToolBroker,
} from './port.ts';
export { loadRuntimes, type Runtime, type RuntimeCatalogue } from './runtimes.ts';
export { SandboxGone } from './sandbox-gone.ts';
export { isLoss, type KernelState } from './state/index.ts';
