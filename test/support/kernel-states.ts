import { createHash } from 'node:crypto';
import type { StateLoss, StateReport } from '../../src/core/index.ts';
import type { KernelState } from '../../src/engine/index.ts';
import type { TestSession } from './engine.ts';
import { atPace } from './tier.ts';

/** Stored bytes of states, in memory. */
export class StatePieces {
  readonly #byDigest = new Map<string, Buffer>();

  readonly put = async (content: AsyncIterable<Uint8Array>): Promise<{ digest: string; size: number }> => {
    const bytes = Buffer.concat(await Array.fromAsync(content));
    const digest = createHash('sha256').update(bytes).digest('hex');
    this.#byDigest.set(digest, bytes);
    return { digest, size: bytes.length };
  };

  readonly open = async function* (this: StatePieces, digest: string): AsyncGenerator<Uint8Array> {
    yield this.#byDigest.get(digest)!;
  }.bind(this);

  get digests(): readonly string[] {
    return [...this.#byDigest.keys()];
  }
}

/** Saves the variables of a kernel. */
export function save(
  { session }: TestSession,
  kernel: string,
  pieces: StatePieces,
  bounds: { deadlineMs?: number; maxBytes?: number } = {},
): Promise<KernelState | StateLoss> {
  return session.saveState(kernel, {
    deadlineMs: atPace(15_000),
    maxBytes: 256 * 1024 * 1024,
    put: pieces.put,
    ...bounds,
  });
}

/** Gives a kernel that has run nothing its variables. */
export function restore(
  { session }: TestSession,
  language: string,
  state: KernelState,
  pieces: StatePieces,
): Promise<StateReport | StateLoss> {
  return session.restoreState({ language, kernel: undefined }, state, {
    deadlineMs: atPace(20_000),
    open: pieces.open,
    signal: AbortSignal.timeout(atPace(60_000)),
  });
}

/** The state, where there is one. @throws the reason where there is none */
export function kept<T>(state: T | StateLoss): T {
  if (typeof state === 'object' && state !== null && 'reason' in state)
    throw new Error(`no state: ${state.reason}: ${state.message}`);
  return state as T;
}
