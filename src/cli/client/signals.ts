import { constants } from 'node:os';
import { Stopped } from './command-error.ts';

/** Another signal so soon is the same one: terminals signal a whole group. */
const sameMs = 300;

/**
 * Runs work that a signal ends: the first one aborts what it is given, with `Stopped`, so that it can clean up; another one ends
 * the process at once.
 */
export async function untilSignal<T>(closed: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
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
  try {
    return await work(AbortSignal.any([controller.signal, closed]));
  } finally {
    for (const name of signals) process.off(name, end);
  }
}
