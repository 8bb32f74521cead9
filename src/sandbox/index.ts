export { createNamespacesBackend, type NamespacesOptions } from './namespaces/backend.ts';
export { type HostCheck, type HostReport, probeHost } from './namespaces/probe.ts';
export type {
  ExitStatus,
  IsolationBackend,
  Sandbox,
  SandboxListener,
  SandboxUsage,
  Template,
  Workspace,
  WorkspaceContent,
  WorkspaceFile,
  WorkspaceListing,
} from './port.ts';
