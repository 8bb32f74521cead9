import { FairQueue } from './fair-queue.ts';

const waiting = new FairQueue<() => void>();

/**
 * Resolves in a turn of the event loop of its own. Work that a user's data makes long is cut into pieces, and each piece waits for its
 * turn: however many requests are under way, other work never waits for more than one piece. Owners take turns, so that the many
 * requests of one owner do not slow down the one of another.
 * @param owner any text; requests without an owner share one
 */
export function turnOf(owner: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (waiting.size === 0) setImmediate(giveTurn);
  waiting.push(owner, resolve);
  return promise;
}

function giveTurn(): void {
  const resolve = waiting.shift();
  // An immediate that is set in an immediate comes with the next turn.
  if (waiting.size > 0) setImmediate(giveTurn);
  resolve?.();
}
