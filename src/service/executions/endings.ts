import type { JobEnding, SessionRef } from '../../runner/index.ts';

/** How a job ended that leaves something to record, as its worker tells all gateways: the one that began it may be gone. */
export interface ToldEnding {
  /** Id of the execution. */
  readonly exec: string;
  /** Id of the worker. The transport vouches for it. */
  readonly worker: string;
  readonly session: SessionRef | null;
  /** As of the job: only a gateway reads it (`Keeps`). */
  readonly keep: string;
  /** What was run, unless it is long. */
  readonly code: string;
  /** Without what was printed and shown. */
  readonly ending: JobEnding;
  /** Milliseconds since the epoch. */
  readonly toldAt: number;
}

/** The endings that workers tell, shared by all gateways. Each stays until one gateway says that it is settled, or it is given up. */
export interface Endings {
  /**
   * Names who settles them. It returns false where an ending is to come again later, here or at another gateway.
   * What it throws is tried again for some time where that may help; then the ending is given up.
   */
  serve(settle: (ending: ToldEnding) => Promise<boolean>, givenUp: (ending: ToldEnding, error: unknown) => void): void;
  /** The latest ending of a session from the session's worker that is not settled. */
  ofSession(session: SessionRef): Promise<ToldEnding | undefined>;
  /** The ending of an execution, if it is not settled. */
  ofExecution(id: string): Promise<ToldEnding | undefined>;
}
