import type {
  Commands,
  Drafts,
  Executions,
  ExecutionWatch,
  Files,
  Kernels,
  Previews,
  SandboxFiles,
  Sessions,
  Shares,
  States,
  UsageReport,
} from '../../service/index.ts';

/** What this dialect uses of the service. */
export interface NativeServices {
  readonly sessions: Sessions;
  readonly executions: Executions;
  readonly executionWatch: ExecutionWatch;
  readonly kernels: Kernels;
  readonly states: States;
  readonly commands: Commands;
  readonly sandboxFiles: SandboxFiles;
  readonly storedFiles: Pick<Files, 'list' | 'open' | 'storage'>;
  readonly previews: Previews;
  readonly drafts: Drafts;
  /** Undefined: sharing is off. */
  readonly shares: Shares | undefined;
  readonly usage: UsageReport;
  /** Largest upload of one file, in bytes. */
  readonly maxFileBytes: number;
  /** Milliseconds since the epoch. */
  now(): number;
}
