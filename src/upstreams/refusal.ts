import { blot } from './faults.ts';

/** An error in OpenAI's shape. */
export interface Refusal extends Readonly<Record<string, unknown>> {
  readonly error: { readonly message: string; readonly type: unknown; readonly param: unknown; readonly code: unknown };
}

const longest = 2000;

/**
 * A provider's error in OpenAI's shape. It stays as it is if it has that shape. Others have their message in other places, where
 * clients do not look. `secrets` are removed.
 */
export function refusalBody(text: string, status: number, secrets: readonly string[]): Refusal {
  const clean = (value: string) => blot(value, secrets);
  let said: unknown;
  try {
    said = JSON.parse(text, (_, value) => (typeof value === 'string' ? clean(value) : value));
  } catch {
    said = clean(text.slice(0, longest));
  }
  const type = status === 429 ? 'rate_limit_exceeded' : status >= 500 ? 'server_error' : 'invalid_request_error';
  const usual = { type, param: null, code: null };
  const error = member(said, 'error');
  const message = member(error, 'message');
  if (typeof message === 'string') return { ...(said as object), error: { ...usual, ...(error as object), message } };
  return { error: { ...usual, message: sentenceOf(said) ?? `The model provider answered ${status}.` } };
}

/** The same error in Anthropic's shape. Details and other fields that Anthropic gave stay. */
export function messagesRefusal({ error, ...rest }: Refusal, status: number): object {
  const { param, code, type, ...said } = error;
  const isTheirs = rest.type === 'error' && typeof type === 'string';
  const known = status === 429 ? 'rate_limit_error' : status >= 500 ? 'api_error' : 'invalid_request_error';
  return { ...rest, type: 'error', error: { ...said, type: isTheirs ? type : known } };
}

/** Where providers say why: `error`, `message` or `detail`, whose first entry may have it in `msg`. */
function sentenceOf(said: unknown): string | undefined {
  const detail = member(said, 'detail');
  const candidates = [member(said, 'error'), member(said, 'message'), detail, member(member(detail, '0'), 'msg'), said];
  return candidates.find((candidate) => typeof candidate === 'string' && candidate.trim() !== '') as string | undefined;
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}
