import type { ToolResult } from '../../core/index.ts';

/** What one gateway asks another, as plain data. */
export type PeerQuestion =
  /** Gives the turn of a session away after its current cell. Answer: `TurnGiven`. */
  | { readonly type: 'leave'; readonly session: string; readonly to: string }
  /** A session's record was changed: it is read again. */
  | { readonly type: 'reload'; readonly session: string }
  /** Ends what runs and waits in a session, in one kernel or in all. */
  | { readonly type: 'cancel_session'; readonly session: string; readonly kernel?: string; readonly isDeleted: boolean }
  /** Interrupts what runs in a session. Answer: whether something did. */
  | { readonly type: 'interrupt_session'; readonly session: string }
  /** Where an execution is on its way. Answer: `ExecutionState`. */
  | { readonly type: 'state'; readonly id: string }
  /** The end of an execution; waits for it some seconds. Answer: an `Execution`, or null when it has not ended. */
  | { readonly type: 'end'; readonly id: string; readonly waitMs: number }
  /** Whether its gateway has nothing more to do for an execution; waits for that some seconds. */
  | { readonly type: 'settled'; readonly id: string; readonly waitMs: number }
  | { readonly type: 'answer'; readonly id: string; readonly results: readonly ToolResult[] }
  | { readonly type: 'cancel'; readonly id: string }
  | { readonly type: 'interrupt'; readonly id: string };

/** The variables of a session that are not saved yet: the gateway that gets its turn saves them. */
export interface UnsavedVariables {
  /** The last execution of each kernel. */
  readonly executions: readonly (readonly [kernel: string, execution: string])[];
  /** When they are to be saved. */
  readonly dueAt: number;
}

/** The turn of a session has been given away, or something runs in it still. */
export type TurnGiven = { readonly given: boolean; readonly unsaved?: UnsavedVariables | undefined };
