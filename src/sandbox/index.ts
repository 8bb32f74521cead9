export type { HostCheck, HostReport } from './host-report.ts';
export type { BackendOptions } from './options.ts';
export type {
  Backend,
  BackendTraits,
  Baseline,
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
export { findIsolation, type Isolation } from './registry.ts';
