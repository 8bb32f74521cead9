import type { WatchedExecution } from './executions.ts';

/** News that wait for one watcher: the oldest go first, since the end of an execution can also be asked for. */
const maxWaiting = 200;

/** Tells watchers of sessions which executions begin and end. */
export class SessionWatch {
  readonly #watchers = new Map<string, Set<(news: WatchedExecution) => void>>();

  tell(sessionId: string, news: WatchedExecution): void {
    for (const watcher of this.#watchers.get(sessionId) ?? []) watcher(news);
  }

  /** News of a session from now on, behind `first`, until `signal` aborts. */
  async *follow(
    sessionId: string,
    first: readonly WatchedExecution[],
    signal: AbortSignal,
  ): AsyncGenerator<WatchedExecution> {
    const waiting = [...first];
    let wake = () => {};
    const watcher = (news: WatchedExecution) => {
      waiting.push(news);
      if (waiting.length > maxWaiting) waiting.shift();
      wake();
    };
    const watchers = this.#watchers.get(sessionId) ?? new Set();
    this.#watchers.set(sessionId, watchers.add(watcher));
    const end = () => wake();
    signal.addEventListener('abort', end, { once: true });
    try {
      while (!signal.aborted) {
        const news = waiting.shift();
        if (news) yield news;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      signal.removeEventListener('abort', end);
      watchers.delete(watcher);
      if (watchers.size === 0) this.#watchers.delete(sessionId);
    }
  }
}
