import { DragomanError, type ErrorCode } from '../../core/index.ts';
import { type ToolAnswer, textBlock } from './content.ts';
import { RpcError, rpcCodes } from './json-rpc.ts';

/** What a model should do about an error, added to the error's own sentence. Null: a model can do nothing about it. */
const advice: Record<ErrorCode, string | null> = {
  invalid_request: '',
  unsupported_language: '',
  unauthorized: '',
  ambiguous_credentials: '',
  file_refused: '',
  not_found: '',
  model_not_found: '',
  session_expired: 'Leave session_id out to work in a new session.',
  session_busy: 'Wait for the runs before it with check_run.',
  conflict: '',
  forbidden: '',
  upstream_failed: '',
  too_large: '',
  preview_refused: 'Read it with a program instead.',
  quota_exceeded: 'Delete files that are not needed any more with reset_session.',
  body_timeout: '',
  upload_timeout: '',
  rate_limited: '',
  overloaded: 'Try again in a moment.',
  sandbox_unavailable: 'Try again in a moment.',
  storage_unavailable: 'Try again in a moment.',
  shutting_down: 'Try again in a moment.',
  cancelled: '',
  internal: null,
};

/**
 * An error as the result of a tool, so that the model reads it.
 * @throws RpcError for our own faults; `error` itself when it is one
 */
export function refusalOf(error: unknown): ToolAnswer {
  if (error instanceof RpcError) throw error;
  if (!(error instanceof DragomanError)) throw ourFault();
  const more = advice[error.code];
  if (more === null) throw ourFault();
  const { message, retryAfterSeconds } = error;
  const wait = retryAfterSeconds === undefined ? more : `Try again in ${retryAfterSeconds} s.`;
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`;
  const repeats = wait === '' || message.includes(`${retryAfterSeconds} s`);
  return { content: [textBlock(repeats ? sentence : `${sentence} ${wait}`)], isError: true };
}

const ourFault = () =>
  new RpcError(rpcCodes.internal, 'Internal error. Its cause is in the log of the service.', { status: 200 });
