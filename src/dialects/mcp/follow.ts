import { DragomanError } from '../../core/index.ts';
import type { Execution, RunningExecution } from '../../service/index.ts';
import type { Call } from './call.ts';

/** How a call left a run: over, or going on with what it has printed so far. */
export type Followed = { readonly execution: Execution } | { readonly soFar: string };

const firstReportMs = 500;
const reportEveryMs = 1000;
/** Characters kept of the output so far, half of it from the start. */
const keptCharacters = 100_000;
const longestLine = 300;

/**
 * Waits for a run and reports its last printed line every second.
 * @param waitMs how long; undefined: until it is over, which its own limits bound
 * @throws DragomanError what the run failed with; cancelled when it was cancelled before it began, or the caller cancels
 */
export async function follow(
  running: RunningExecution,
  { signal, report }: Call,
  waitMs: number | undefined,
): Promise<Followed> {
  const printed = new Printed();
  const late = new AbortController();
  const started = performance.now();
  const timers = [
    ...(waitMs === undefined ? [] : [setTimeout(() => late.abort(), waitMs)]),
    ...(report ? reports() : []),
  ];
  function reports(): NodeJS.Timeout[] {
    const tell = () => {
      const seconds = Math.round((performance.now() - started) / 100) / 10;
      report!(
        seconds,
        printed.lastLine() ?? (running.status === 'queued' ? `waiting, ${seconds} s` : `running, ${seconds} s`),
      );
    };
    return [setTimeout(tell, firstReportMs), setInterval(tell, reportEveryMs)];
  }
  try {
    for await (const { event } of running.events(0, AbortSignal.any([signal, late.signal])))
      if (event.type === 'stdout' || event.type === 'stderr') printed.add(event.type, event.data);
    if (signal.aborted) throw new DragomanError('cancelled');
    if (late.signal.aborted && running.status !== 'done') return { soFar: printed.text() };
    return { execution: await running.done };
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

/** What a run has printed, both streams together, shortened in the middle. */
class Printed {
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  #head = '';
  #tail = '';
  #left = 0;

  add(stream: 'stdout' | 'stderr', data: Uint8Array): void {
    let text = this.#decoders[stream].decode(data, { stream: true });
    const room = keptCharacters / 2 - this.#head.length;
    if (room > 0) {
      this.#head += text.slice(0, room);
      text = text.slice(room);
    }
    this.#tail += text;
    if (this.#tail.length <= keptCharacters) return;
    const cut = this.#tail.length - keptCharacters / 2;
    this.#left += cut;
    this.#tail = this.#tail.slice(cut);
  }

  text(): string {
    return this.#left === 0
      ? this.#head + this.#tail
      : `${this.#head}\n[… ${this.#left} characters left out …]\n${this.#tail}`;
  }

  /** Progress bars end their lines with a carriage return. */
  lastLine(): string | undefined {
    const end = (this.#tail || this.#head).slice(-4 * longestLine);
    const line = end.split(/[\r\n]+/).findLast((part) => part.trim() !== '');
    return line
      ?.replace(/\p{Cc}+/gu, ' ')
      .trim()
      .slice(0, longestLine);
  }
}
