import { readdirSync, readFileSync } from 'node:fs';
import { newId } from '../../../src/core/index.ts';

const everyMs = 50;

/**
 * Counts how often a piece of code has really begun, whatever its output says: the code gives its process a name, and the processes of this
 * machine are looked at. It has to live for some tenths of a second.
 */
export class RunCounter {
  readonly #name: string;
  readonly #seen = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#name = `run-${newId()
      .replaceAll(/[^a-z0-9]/gi, '')
      .slice(0, 10)}`;
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  /** Python that is counted; it has to come first. */
  get code(): string {
    return `open('/proc/self/comm', 'w').write('${this.#name}')\n`;
  }

  /** Processes seen so far. */
  get count(): number {
    return this.#seen.size;
  }

  /** Whether one of them runs now. */
  get isRunning(): boolean {
    return [...this.#seen].some((seen) => startOf(seen.split(' ')[0]!) === seen.split(' ')[1]);
  }

  /** Whether one of them runs now below this process, however deep. */
  isBelow(ancestor: number): boolean {
    return [...this.#seen].some((seen) => ancestors(Number(seen.split(' ')[0])).includes(ancestor));
  }

  /** Resolves once the code has begun. @throws Error when it does not in time */
  async begun(count = 1, waitMs = 20_000): Promise<void> {
    const until = performance.now() + waitMs;
    while (this.count < count) {
      if (performance.now() > until) throw new Error('the code did not begin in time');
      await new Promise((resolve) => setTimeout(resolve, everyMs / 2));
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      try {
        if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== this.#name) continue;
        // A pid may be used again; together with its start it is one process.
        const startedAt = startOf(pid);
        if (startedAt !== undefined) this.#seen.add(`${pid} ${startedAt}`);
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}

/** When a process was started. Undefined: it has ended. */
function startOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19];
  } catch {
    return undefined;
  }
}

function ancestors(pid: number): number[] {
  try {
    const parent = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[1]);
    return parent > 1 ? [parent, ...ancestors(parent)] : [];
  } catch {
    return [];
  }
}
