import type { TokenUsage } from '../../agent/index.ts';
import { DragomanError, type ErrorCode } from '../../core/index.ts';
import type { OutputItem } from '../items.ts';

type ResponseStatus = 'queued' | 'in_progress' | 'completed' | 'failed' | 'incomplete' | 'cancelled';

/** A model's answer to a request, while it is made and afterwards. Plain data. */
export interface ResponseState {
  readonly id: string;
  readonly status: ResponseStatus;
  readonly background: boolean;
  /** It can be asked for later. */
  readonly stored: boolean;
  /** Milliseconds since the epoch, as all times here. */
  readonly createdAt: number;
  readonly completedAt: number | null;
  readonly model: string;
  readonly previousId: string | null;
  readonly conversationId: string | null;
  readonly items: readonly OutputItem[];
  readonly usage: TokenUsage | null;
  readonly error: ResponseError | null;
  readonly incompleteReason: 'length' | 'content_filter' | null;
  /** The fields of the request that its dialect repeats in every answer. */
  readonly echo: Readonly<Record<string, unknown>>;
}

export interface ResponseError {
  readonly code: ErrorCode;
  /** What the model's provider calls it. */
  readonly foreignCode?: string | undefined;
  readonly message: string;
}

/**
 * What happens while a response is made, in order. Items come one after another without holes, each complete before the next one
 * is added; folding these events gives the response's items.
 */
export type ResponseEvent =
  /** `queued` only in the background. `ended` is the last event. */
  | { readonly type: 'created' | 'queued' | 'in_progress' | 'ended'; readonly response: ResponseState }
  | { readonly type: 'item_added' | 'item_done'; readonly index: number; readonly item: OutputItem }
  /** More of the item that was added last: of its text, summary, code or arguments. */
  | { readonly type: 'delta'; readonly delta: string }
  /** The code is complete and runs next. */
  | { readonly type: 'code_ready'; readonly code: string };

export function failed(response: ResponseState, error: DragomanError): ResponseState {
  const { code, foreignCode, message } = error;
  const told = { code, message, ...(foreignCode === undefined ? {} : { foreignCode }) };
  return { ...response, status: 'failed', completedAt: null, error: told };
}

export function isUnderWay({ status }: ResponseState): boolean {
  return status === 'queued' || status === 'in_progress';
}

/** A fault of ours as an error that can be told. */
export function tellable(error: unknown, code: ErrorCode): DragomanError {
  return error instanceof DragomanError ? error : new DragomanError(code, { cause: error });
}
