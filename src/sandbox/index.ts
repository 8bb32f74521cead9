export type { MachineFiles, UserShare } from './options.ts';
export type {
  Backend,
  Baseline,
  BulkPipes,
  CheckpointFolder,
  CollectLimits,
  ExitStatus,
  FileContent,
  KnownFile,
  LinkListener,
  Sandbox,
  SandboxLimits,
  SandboxUsage,
  Template,
  Workspace,
} from './port.ts';
export { findIsolation, type Isolation, isolations } from './registry.ts';
