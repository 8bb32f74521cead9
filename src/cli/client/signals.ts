import { constants } from 'node:os';
import { Stopped } from './command-error.ts';

/** Another signal so soon is the same one: terminals signal a whole group. */
const sameMs = 300;

/** Time for work to clean up after it was ended: longer than its calls that cancel and remove, which take at most 5 seconds. */
const graceMs = 6000;

/**
 * Runs work that a signal ends: the first one aborts what it is given, with `Stopped`, so that it can clean up; another one ends
 * the process at once, and so does the end of a grace: work may hang where it sees no signal, as in a call of the file system.
 */
export async function untilSignal<T>(
  closed: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  grace = graceMs,
): Promise<T> {
  const controller = new AbortController();
  let since: number | undefined;
  const end = (name: NodeJS.Signals) => {
    const exitCode = 128 + constants.signals[name];
    if (since !== undefined && performance.now() - since > sameMs) process.exit(exitCode);
    since ??= performance.now();
    controller.abort(new Stopped(exitCode));
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, end);
  const ended = AbortSignal.any([controller.signal, closed]);
  // Also after the work: what hangs below it would keep the process.
  const limit = () => setTimeout(() => process.exit((ended.reason as Stopped).exitCode), grace).unref();
  if (ended.aborted) limit();
  else ended.addEventListener('abort', limit, { once: true });
  try {
    return await work(ended);
  } finally {
    for (const name of signals) process.off(name, end);
  }
}
