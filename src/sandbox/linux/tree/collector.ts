import { Worker } from 'node:worker_threads';
import type { Listing } from '../../file-tree.ts';

/** Walks and hashes what is too large for the event loop. Threads share descriptors, so their numbers are enough. */
export interface Collector {
  list(fd: number, limits: { entries: number; depth: number }): Promise<Listing>;
  digest(fd: number, size: number): Promise<string>;
}

interface Waiting {
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

let shared: Collector | undefined;

/** The collector thread of the process, started when first needed; it does not keep the process alive. */
export function collectorThread(): Collector {
  shared ??= startCollector(() => {
    shared = undefined;
  });
  return shared;
}

function startCollector(onEnd: () => void): Collector {
  const worker = new Worker(new URL('./collector-worker.ts', import.meta.url));
  worker.unref();
  const waiting = new Map<number, Waiting>();
  let last = 0;
  worker.on('message', ({ id, value, error }: { id: number; value: never; error?: string }) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(error));
  });
  worker.on('error', (error) => {
    for (const call of waiting.values()) call.reject(error);
    waiting.clear();
    onEnd();
  });
  const call = <T>(message: object): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const id = ++last;
      waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, ...message });
    });
  return {
    list: (fd, limits) => call({ task: 'list', fd, limits }),
    digest: (fd, size) => call({ task: 'digest', fd, size }),
  };
}
