import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { duration } from '../app/words.ts';
import type { Run } from './run.ts';

/** One timer for every run that is under way. */
const now = signal(Date.now());
let going = 0;
let timer: ReturnType<typeof setInterval> | undefined;

function ticking(): () => void {
  going++;
  timer ??= setInterval(() => {
    now.value = Date.now();
  }, 100);
  return () => {
    if (--going > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** How long a run has taken, or took. */
export function Elapsed({ run }: { run: Run }) {
  const isGoing = !run.isOver;
  useEffect(() => (isGoing ? ticking() : undefined), [isGoing]);
  const ending = run.ending.value;
  if (ending) return <>{duration(ending.usage.wall_ms)}</>;
  if (run.isOver || run.startedAt.value === 0) return <>{run.isOver ? '' : 'waits'}</>;
  return <>{duration(Math.max(0, Math.floor((now.value - run.startedAt.value) / 100) * 100))}</>;
}
