import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, call, messageOf } from '../api/http.ts';
import { loadWho } from '../app/state.ts';

export interface Polled<T> {
  /** The latest answer; undefined: none yet. */
  readonly data: T | undefined;
  /** Why there is no newer one; empty: there is. */
  readonly fault: string;
  /** Asks now. */
  readonly again: () => void;
}

const deadlineMs = 15_000;
const longestWaitMs = 30_000;

/**
 * Asks an address again and again while the page is in sight: one request at a time, the next one `everyMs` after the answer,
 * later after failures. Where the key has lost its right, it stops.
 */
export function usePoll<T>(path: string, everyMs: number): Polled<T> {
  const [answer, setAnswer] = useState<{ path: string; data: T } | undefined>(undefined);
  const [fault, setFault] = useState('');
  const wake = useRef(() => {});
  useEffect(() => {
    let isOver = false;
    let isAsking = false;
    let isDue = false;
    let failures = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const leave = new AbortController();
    const wait = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => void ask(), ms);
    };
    const ask = async () => {
      if (isOver || document.hidden) return;
      if (isAsking) {
        isDue = true;
        return;
      }
      isAsking = true;
      isDue = false;
      let next = everyMs;
      try {
        const signal = AbortSignal.any([leave.signal, AbortSignal.timeout(deadlineMs)]);
        const data = await call<T>('GET', path, { signal });
        if (isOver) return;
        failures = 0;
        setAnswer({ path, data });
        setFault('');
      } catch (error) {
        if (isOver) return;
        failures++;
        setFault(messageOf(error));
        const { status, retryAfterSeconds } = error instanceof ApiError ? error : { status: 0, retryAfterSeconds: 0 };
        if (status === 403) {
          isOver = true;
          void loadWho().catch(() => {});
          return;
        }
        next = Math.max(retryAfterSeconds * 1000, Math.min(longestWaitMs, everyMs * 2 ** failures));
      } finally {
        isAsking = false;
      }
      wait(isDue ? 0 : next);
    };
    const look = () => {
      if (!document.hidden) wait(0);
    };
    wake.current = () => wait(0);
    document.addEventListener('visibilitychange', look);
    void ask();
    return () => {
      isOver = true;
      leave.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [path, everyMs]);
  const again = useCallback(() => wake.current(), []);
  return { data: answer?.path === path ? answer.data : undefined, fault, again };
}
