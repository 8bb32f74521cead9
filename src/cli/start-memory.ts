import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'major'; execution: 'async'; flavor: 'last-resort' }) => Promise<void>;

const quietMs = 2000;
/** The share of that time in which it may have worked. */
const quietShare = 0.1;

/**
 * Gives back the memory that only the start needed, about 15 MiB: otherwise V8 keeps it until the service is under load. This stops the process
 * for a tenth of a second, so it waits for two quiet seconds.
 */
export function giveBackStartMemory(): void {
  const begin = performance.eventLoopUtilization();
  setTimeout(() => {
    if (performance.eventLoopUtilization(begin).utilization > quietShare) giveBackStartMemory();
    else void collector()({ type: 'major', execution: 'async', flavor: 'last-resort' });
  }, quietMs).unref();
}

/** What V8 offers to contexts that are made while the flag is set. */
function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return collect;
}
