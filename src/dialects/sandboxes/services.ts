import type { Executions, Kernels, Sessions, SessionTokens } from '../../service/index.ts';

/** What the APIs about sandboxes use of the service. */
export interface SandboxServices {
  readonly sessions: Sessions;
  readonly executions: Executions;
  readonly kernels: Kernels;
  readonly sessionTokens: SessionTokens;
  /** Milliseconds since the epoch. */
  now(): number;
}
