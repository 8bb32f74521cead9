import type { Principal, StateLoss, StateReport } from '../../core/index.ts';

/** What became of saved variables that were given back before a cell. */
export interface RestoredVariables {
  readonly kernel: string;
  /** When they were saved. */
  readonly savedAt: number;
  /** Code has run since then, and what it changed is not in them. */
  readonly isBehind: boolean;
  /** What came back, as the kernel claims; null: nothing did. */
  readonly report: StateReport | null;
  /** Why nothing came back. */
  readonly loss: StateLoss | null;
}

/** The variables of one kernel of a session. */
export interface KernelVariables {
  readonly kernel: string;
  /** `live`: as they are now; `saved`: as they were saved. */
  readonly state: 'live' | 'saved';
  readonly savedAt: number | null;
  /** Of saved ones: the last execution that they know of, where that is known. */
  readonly execution: string | null;
  readonly isBehind: boolean;
  readonly bytes: number;
  readonly versions: Readonly<Record<string, string>>;
  /** Of saved ones, as a trial could load them; of live ones null. */
  readonly report: StateReport | null;
}

/** Why a fork has no variables, or that it has them. */
export type Carried = 'variables' | 'none' | 'not_at_execution' | 'off' | 'not_saved';

/** Variables of sessions that outlive their sandbox. A session of another principal is not_found. */
export interface States {
  /** Kernels that hold variables, and those whose variables are saved. @throws DragomanError not_found, session_expired */
  list(principal: Principal, sessionId: string): Promise<readonly KernelVariables[]>;
  /** Saves what has changed, now. @throws DragomanError not_found, session_expired, conflict when it is switched off */
  save(principal: Principal, sessionId: string): Promise<readonly KernelVariables[]>;
  /** Removes what is saved; live kernels keep their variables. @throws DragomanError not_found, session_expired */
  discard(principal: Principal, sessionId: string): Promise<void>;
}
