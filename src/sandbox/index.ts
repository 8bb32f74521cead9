export { createNamespacesBackend, type NamespacesOptions } from './namespaces/backend.ts';
export { type HostCheck, type HostReport, probeHost } from './namespaces/probe.ts';
export type {
  Claim,
  ClaimAllowance,
  ExitStatus,
  GuestFrame,
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
