import type { Call } from './call.ts';

const firstReportMs = 500;
const reportEveryMs = 1000;
/** Characters kept of the output so far, half of it from the start. */
const keptCharacters = 100_000;
const longestLine = 300;

/**
 * Reports the last printed line every second, or `state` where nothing is printed.
 * @returns ends the reports
 */
export function reportsOf(report: Call['report'], printed: Printed, state: () => string): () => void {
  if (!report) return () => {};
  const started = performance.now();
  const tell = () => {
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    report(seconds, printed.lastLine() ?? `${state()}, ${seconds} s`);
  };
  const timers = [setTimeout(tell, firstReportMs), setInterval(tell, reportEveryMs)];
  return () => {
    for (const timer of timers) clearTimeout(timer);
  };
}

/** What a run or a command has printed, its streams together, shortened in the middle. */
export class Printed {
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

  /** Output that nothing read in time. */
  gap(bytes: number | null): void {
    this.add('stdout', new TextEncoder().encode(`\n[… ${bytes ?? 'some'} bytes were not kept …]\n`));
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
