import type { InterpreterState } from '../core/index.ts';

/** A message from inside a sandbox. It is bounded and well-formed, but its content is never trusted. */
export type Claim =
  /** The sandbox is confined and waits for orders. */
  | { readonly claim: 'ready' }
  /** The process that waits for its orders has started. */
  | { readonly claim: 'parked' }
  /** Descriptors of the first process that the link opens: of a pipe that comes out of the sandbox, and of one that goes in. */
  | { readonly claim: 'bulk'; readonly fds: readonly [number, number] }
  /** The supervisor has accepted this cell and is about to hand it to its kernel. */
  | { readonly claim: 'started'; readonly token: string }
  /** The program or cell has ended: `code` is 0 to 255, or null when `signal` names the signal that ended it. */
  | {
      readonly claim: 'done';
      readonly token: string;
      readonly code: number | null;
      readonly signal: string | null;
      /** After a cell: whether its interpreter still exists. `none` for anything else. */
      readonly interpreter: InterpreterState;
      /** Bytes of stdout and of stderr that nobody had read by then. Absent: not known. */
      readonly left?: readonly [number, number];
    }
  /** A kernel displays something; `event` is any JSON object. */
  | { readonly claim: 'event'; readonly token: string; readonly event: Readonly<Record<string, unknown>> }
  /** Code calls a tool. `id` counts from 1; `input` is text that should be a JSON object. */
  | {
      readonly claim: 'call';
      readonly token: string;
      readonly id: number;
      readonly name: string;
      readonly input: string;
    }
  /** The code cannot continue before one of these calls is answered. */
  | { readonly claim: 'waiting'; readonly token: string; readonly pending: readonly number[] }
  /** A file could not be written; nothing will run. */
  | { readonly claim: 'fault'; readonly message: string };

/** A path and the reason. */
const maxFaultLength = 1000;

const interpreterStates: readonly unknown[] = ['kept', 'lost', 'none'] satisfies InterpreterState[];

/** Reads one claim; unknown fields are dropped. @throws Error when it is not one of the claims */
export function parseClaim(text: string): Claim {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new Error('a claim that is not an object');
  const {
    claim,
    token,
    code,
    signal,
    message,
    event,
    interpreter = 'none',
    id,
    name,
    input,
    pending,
    fds,
    left,
  } = value;
  if (claim === 'ready' || claim === 'parked') return { claim };
  if (claim === 'bulk' && Array.isArray(fds) && fds.length === 2 && fds.every(isCount))
    return { claim, fds: fds as [number, number] };
  if (claim === 'started' && typeof token === 'string') return { claim, token };
  if (claim === 'fault' && typeof message === 'string' && message.length <= maxFaultLength) return { claim, message };
  if (claim === 'event' && typeof token === 'string' && isObject(event)) return { claim, token, event };
  if (
    claim === 'call' &&
    typeof token === 'string' &&
    isCount(id) &&
    typeof name === 'string' &&
    typeof input === 'string'
  )
    return { claim, token, id, name, input };
  if (claim === 'waiting' && typeof token === 'string' && Array.isArray(pending) && pending.every(isCount))
    return { claim, token, pending };
  if (claim === 'done') {
    const validCode = code === null || (Number.isInteger(code) && (code as number) >= 0 && (code as number) <= 255);
    const validSignal = signal === null || (typeof signal === 'string' && /^SIG[A-Z0-9]{2,10}$/.test(signal));
    const oneOfThem = (code === null) !== (signal === null);
    const validLeft = left === undefined || (Array.isArray(left) && left.length === 2 && left.every(isSize));
    const isValid = validCode && validSignal && oneOfThem && validLeft && interpreterStates.includes(interpreter);
    if (isValid && typeof token === 'string')
      return {
        claim,
        token,
        code: code as number | null,
        signal: signal as string | null,
        interpreter: interpreter as InterpreterState,
        ...(left === undefined ? {} : { left: left as [number, number] }),
      };
  }
  throw new Error('an unknown claim');
}

function isSize(value: unknown): value is number {
  return value === 0 || isCount(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
