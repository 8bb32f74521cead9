import { openSync, readSync } from 'node:fs';

/** The holds of an event loop, until `stop`. */
export interface LoopWatch {
  stop(): void;
}

/**
 * Tells again and again for how many milliseconds work has held the event loop of this thread. Time in which the thread was ready to run
 * and other work of the machine had the processors is left out, where the kernel counts it.
 * @param everyMs how often it looks: that is the shortest hold
 */
export function watchLoop(everyMs: number, tell: (heldMs: number) => void): LoopWatch {
  const waited = waitedMs();
  let [last, waitedThen] = [performance.now(), waited()];
  const timer = setInterval(() => {
    const [now, waitedNow] = [performance.now(), waited()];
    tell(Math.max(0, now - last - (waitedNow - waitedThen)));
    [last, waitedThen] = [now, waitedNow];
  }, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** Tells how long this thread has waited for a processor so far. */
function waitedMs(): () => number {
  const buffer = Buffer.alloc(100);
  let fd: number;
  try {
    fd = openSync('/proc/thread-self/schedstat', 'r');
  } catch {
    return () => 0;
  }
  // Time on a processor, time ready to run, and how often; in nanoseconds.
  return () => Number(buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0)).split(' ')[1]) / 1e6;
}
