import type { Principal, ToolCall, ToolResult } from '../../core/index.ts';
import type { Execution, ExecutionRequest } from '../executions/executions.ts';

/** One round of tool calls of an execution. Callers keep it between their requests, so no part of it is believed. */
export interface RoundRef {
  readonly executionId: string;
  /** Counted from 1. */
  readonly round: number;
  /** Where the execution runs, and with which it ends. */
  readonly worker: string;
}

/** What an execution did next. */
export type Round =
  | {
      readonly type: 'calls';
      readonly ref: RoundRef;
      readonly sessionId: string;
      /** They wait for answers. */
      readonly calls: readonly ToolCall[];
      /** The beginning of all it has printed to stdout. */
      readonly shown: string;
    }
  | { readonly type: 'ended'; readonly execution: Execution; readonly notes: Readonly<Record<string, string>> }
  /** It has ended with its worker, and nothing of it is known. */
  | { readonly type: 'lost' };

/** The request that waits for a round. */
export interface RoundOptions {
  /** The execution ends when this aborts before its next round. */
  readonly signal: AbortSignal;
  readonly named?: NamedRequest | undefined;
}

/**
 * Executions whose caller answers calls by one request after another: each request leads to the next round of calls, or to the end.
 * The execution stays alive in between, so what it did is done once.
 */
export interface ToolRounds {
  /** Begins one. @throws DragomanError as `Executions.start`; cancelled */
  start(principal: Principal, request: ExecutionRequest, options: RoundOptions): Promise<Round>;
  /**
   * Answers calls, some or all of them, and goes on. The same answers may be sent again: the execution has them once, and leads to
   * the same round or end.
   * @throws DragomanError not_found for an execution that has ended, never began or belongs to another principal; conflict while
   *   another request waits for it, and for an answer that contradicts an earlier one; invalid_request; cancelled
   */
  resume(principal: Principal, ref: RoundRef, results: readonly ToolResult[], options: RoundOptions): Promise<Round>;
  /** Ends one. Does nothing after its end. */
  cancel(principal: Principal, executionId: string): void;
}

/** A request that its client may cancel by name. */
export interface NamedRequest {
  /** It waits for this execution. Returns true when it is cancelled already. */
  attach(executionId: string): boolean;
  /** It has been answered. Its execution can be cancelled for as long as it runs. */
  end(): void;
}

/**
 * Requests by the names that their clients gave them, while they run and for some minutes after. A principal's names are its own, and
 * a principal with many requests forgets its own oldest ones.
 */
export interface NamedRequests {
  /** @param cancelled called when it is cancelled while it is not answered; it is forgotten with its answer */
  begin(principal: Principal, name: string, cancelled?: () => void): NamedRequest;
  /**
   * Cancels a request, and the execution it waits or waited for.
   * @returns false when nothing was left to cancel
   * @throws DragomanError not_found, also for a request of another principal
   */
  cancel(principal: Principal, name: string): Promise<boolean>;
}
