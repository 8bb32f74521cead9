import type { ExitStatus, Sandbox } from '../sandbox/index.ts';

type Listener = (status: ExitStatus) => void;

const listeners = new WeakMap<Sandbox, Set<Listener>>();

/**
 * Calls `then` when a sandbox's first process has ended; returns a function that cancels this. A listener on `exited` itself stays in
 * memory until it resolves: every cell of a session, with all its outputs, for as long as the session lives.
 */
export function whenExited(sandbox: Sandbox, then: Listener): () => void {
  let waiting = listeners.get(sandbox);
  if (!waiting) {
    const all = new Set<Listener>();
    waiting = all;
    listeners.set(sandbox, all);
    sandbox.exited.then((status) => {
      for (const listener of all) listener(status);
    });
  }
  if (sandbox.ended) void sandbox.exited.then(then);
  else waiting.add(then);
  return () => waiting.delete(then);
}
