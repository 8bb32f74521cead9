/** How a gateway calls a worker. What takes long, or is large, goes as a stream that the gateway pulls or gives piece by piece. */

/** A question. A second one with the same `call` is the first one again. */
export interface Question {
  /** Id of the worker that is meant: another process may have its seat by now. */
  readonly to: string;
  readonly call: string;
  /** Absent: they were given before, as a stream. */
  readonly args?: unknown;
  /** Bytes follow, as a stream. */
  readonly gives?: boolean | undefined;
}

/** What comes at once. */
export type Reply =
  | { readonly value: unknown }
  /** The rest is a stream of the call; `head` is there for one of bytes. */
  | { readonly going: true; readonly head?: unknown }
  /** The worker is another one, or takes nothing new. Nothing was done. */
  | { readonly refused: 'gone' | 'draining' | 'full' };

/** The first byte of a piece of a stream to a gateway. */
export const piece = { more: 0, end: 1, fault: 2, nothingYet: 3, unknown: 4 } as const;
/** The first byte of a piece of a stream to a worker. */
export const given = { more: 0, end: 1 } as const;
/** What a worker answers to such a piece: give the next one; it was taken, but wait; give no more. */
export const taken = { next: 0, wait: 1, stop: 2 } as const;

/** How long an answer is waited for before the question says that it goes on. */
export const atOnceMs = 1500;
/** How long one pull waits for bytes. */
export const pullMs = 5000;
/** What an answer may take on its way besides. */
export const wayMs = 3000;
/** A stream that is not asked for in this time is given up. */
export const idleMs = 45_000;
/** An answer can be asked for again for so long: longer than a gateway asks again. */
export const rememberMs = 60_000;

export function framed(kind: number, bytes?: Uint8Array): Uint8Array {
  const frame = new Uint8Array(1 + (bytes?.length ?? 0));
  frame[0] = kind;
  if (bytes) frame.set(bytes, 1);
  return frame;
}
