import { DragomanError } from '../core/index.ts';

/**
 * The worker of a session is gone, or takes nothing more: the session has to be placed again. Callers of the service see it only where that
 * fails again and again.
 */
export class WorkerGone extends DragomanError {
  /** What was asked had reached the worker, and may have been done. Otherwise nothing of it has begun. */
  readonly mayHaveBegun: boolean;

  constructor(mayHaveBegun: boolean, cause?: unknown) {
    super('overloaded', { message: 'The worker of the session is not available.', retryAfterSeconds: 1, cause });
    this.mayHaveBegun = mayHaveBegun;
  }
}
