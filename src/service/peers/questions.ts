import type { Principal, ToolResult } from '../../core/index.ts';
import type { RoundRef } from '../rounds/rounds.ts';

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
  | { readonly type: 'interrupt'; readonly id: string }
  | RoundQuestion
  /** Cancels a request by its name, as `NamedRequests.cancel` where it was made. */
  | { readonly type: 'cancel_named'; readonly principal: Asker; readonly name: string };

/** Who asks, as far as another gateway has to know. */
type Asker = Pick<Principal, 'id' | 'tenant' | 'authContext'>;

export type RoundQuestion =
  /** Answers calls of an execution and waits some seconds for what it does next: `ToolRounds.resume`. Answer: a `Round`, or null; then it is
   * asked again, with the same token. */
  | {
      readonly type: 'round';
      readonly id: string;
      readonly token: string;
      readonly waitMs: number;
      readonly principal: Asker;
      readonly ref: RoundRef;
      readonly results: readonly ToolResult[];
    }
  /** The caller that waits has gone. */
  | { readonly type: 'round_left'; readonly id: string; readonly token: string };

/** The variables of a session that are not saved yet: the gateway that gets its turn saves them. */
export interface UnsavedVariables {
  /** The last execution of each kernel. */
  readonly executions: readonly (readonly [kernel: string, execution: string])[];
  /** When they are to be saved. */
  readonly dueAt: number;
  /** There may be none: a gateway before this one could not tell. */
  readonly isSupposed?: boolean;
}

/** The turn of a session has been given away, or something runs in it still. */
export type TurnGiven = { readonly given: boolean; readonly unsaved?: UnsavedVariables | undefined };
