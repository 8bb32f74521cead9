import {
  APICallError,
  InvalidArgumentError,
  InvalidPromptError,
  UnsupportedFunctionalityError,
} from '@ai-sdk/provider';
import { DragomanError, type ErrorCode } from '../core/index.ts';

/** A failed request to a provider. */
export interface Fault {
  readonly error: DragomanError;
  /** The same request may succeed a moment later. */
  readonly retryable: boolean;
  /** For the log: no body, no key. */
  readonly status: number | undefined;
  readonly reason: string;
}

const longest = 400;
/** Error codes of providers that clients know, such as `context_length_exceeded`. */
const foreign: ReadonlySet<ErrorCode> = new Set(['invalid_request', 'rate_limited', 'too_large']);
const refusals = [UnsupportedFunctionalityError, InvalidPromptError, InvalidArgumentError];

/** Reads what a provider's SDK throws. `secrets` are removed from the provider's words. */
export function faultOf(thrown: unknown, secrets: readonly string[], ownKey: boolean): Fault {
  if (thrown instanceof DragomanError)
    return { error: thrown, retryable: false, status: undefined, reason: thrown.message };
  const status = statusOf(thrown);
  const said = clean(messageOf(thrown), secrets);
  const fault = (code: ErrorCode, message: string, retryable = false): Fault => {
    const retryAfterSeconds = code === 'rate_limited' ? retryAfterOf(thrown) : undefined;
    const foreignCode = foreign.has(code) ? codeOf(thrown, secrets) : undefined;
    const details = {
      message,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      ...(foreignCode === undefined ? {} : { foreignCode }),
      // A second try uses the same key of the operator, so it cannot succeed.
      lasting: status === 401 || status === 402 || status === 403,
    };
    return { error: new DragomanError(code, details), retryable, status, reason: said };
  };
  // The SDK itself could not translate the request for this provider.
  if (refusals.some((refusal) => refusal.isInstance(thrown)))
    return fault('invalid_request', `This model cannot be asked so: ${said}`);
  if (status === undefined) return fault('upstream_failed', 'The model provider cannot be reached or broke off.', true);
  // Messages about keys are not repeated: providers quote parts of the key.
  if (status === 401 || status === 402 || status === 403)
    return ownKey
      ? fault('forbidden', 'The model provider refused the key you passed on.')
      : fault('upstream_failed', "The model provider refused this server's key.");
  if (status === 404) return fault('model_not_found', `The model provider does not know this model: ${said}`);
  if (status === 413) return fault('too_large', 'The conversation is too large for the model provider.');
  if (status === 429) return fault('rate_limited', `The model provider is rate limiting: ${said}`, true);
  if (status === 408 || status >= 500)
    return fault('upstream_failed', `The model provider failed (${status}): ${said}`, true);
  return fault('invalid_request', `The model provider refused the request: ${said}`);
}

function statusOf(thrown: unknown): number | undefined {
  // An answer that broke off has the status of its beginning.
  const { statusCode } = (thrown ?? {}) as { statusCode?: unknown };
  if (typeof statusCode === 'number') return statusCode < 400 ? undefined : statusCode;
  return APICallError.isInstance(thrown) || thrown instanceof Error ? undefined : 500;
}

function messageOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  const { message } = (thrown ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : 'no reason given';
}

/** The provider's error code, if it stands where OpenAI has it. */
function codeOf(thrown: unknown, secrets: readonly string[]): string | undefined {
  const data = APICallError.isInstance(thrown)
    ? (thrown.data as { error?: { code?: unknown } } | undefined)
    : undefined;
  const code = data?.error?.code;
  return typeof code === 'string' && /^[a-z][\w.-]{0,63}$/i.test(code) && blot(code, secrets) === code
    ? code
    : undefined;
}

/** Removes keys and everything that looks like a key, and cuts the text to the length of a sentence. */
function clean(text: string, secrets: readonly string[]): string {
  const cleaned = blot(text, secrets);
  return cleaned.length > longest ? `${cleaned.slice(0, longest)}…` : cleaned;
}

/** Removes these secrets and everything that looks like a key. */
export function blot(text: string, secrets: readonly string[]): string {
  let blotted = text;
  for (const secret of secrets) if (secret.length > 3) blotted = blotted.replaceAll(secret, '***');
  return blotted.replace(/\b(?:sk|pk|key|AIza|gsk|xai)[-_][\w*-]{6,}|\bAIza[\w-]{10,}|Bearer\s+\S+/gi, '***');
}

/** Whole seconds, from the `retry-after` header. */
function retryAfterOf(thrown: unknown): number | undefined {
  const headers = APICallError.isInstance(thrown) ? thrown.responseHeaders : undefined;
  const seconds = Number(headers?.['retry-after']);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.ceil(seconds) : undefined;
}
