import type { Logger, Plans } from '../../core/index.ts';
import type { Executions, Files, Kernels, RunnerInfo, Sessions } from '../../service/index.ts';

/** What this dialect uses of the service. */
export interface JupyterServices {
  readonly sessions: Sessions;
  readonly kernels: Pick<Kernels, 'create'>;
  readonly executions: Pick<Executions, 'start'>;
  readonly storedFiles: Pick<Files, 'open'>;
  readonly runnerInfo: Pick<RunnerInfo, 'languages'>;
  readonly plans: Plans;
  /** Largest file of the contents, in bytes. */
  readonly maxFileBytes: number;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  now(): number;
}
