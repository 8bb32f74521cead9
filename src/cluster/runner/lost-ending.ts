import type { OutputText } from '../../core/index.ts';
import { type JobEnding, type JobEvent, outputBytes } from '../../runner/index.ts';

/** Bytes of each stream that are kept for the ending of a job whose worker is lost. */
const keptBytes = 64 * 1024;

/** What an execution comes to whose worker is lost: what it had printed by then is kept, and it is not run again. */
export class LostEnding {
  readonly #stdout = new Kept();
  readonly #stderr = new Kept();
  readonly #startedAt = performance.now();

  /** Takes note of an event of the job. */
  note(event: JobEvent): void {
    if (event.type === 'stdout') this.#stdout.add(outputBytes(event));
    if (event.type === 'stderr') this.#stderr.add(outputBytes(event));
  }

  ending(): JobEnding {
    return {
      type: 'ended',
      continuity: 'fresh',
      result: {
        outcome: 'worker_lost',
        exitCode: null,
        signal: null,
        stdout: this.#stdout.text(),
        stderr: this.#stderr.text(),
        usage: { wallMs: performance.now() - this.#startedAt, cpuMs: 0, peakMemoryBytes: 0 },
        artifactsTruncated: false,
        stage: 'run',
        compileUsage: null,
        outputs: [],
        outputsTruncated: false,
        error: null,
        interpreter: 'lost',
      },
      files: [],
      deleted: [],
      folders: null,
      lost: [],
    };
  }
}

class Kept {
  readonly #parts: Buffer[] = [];
  #size = 0;
  #bytes = 0;

  add(bytes: Buffer): void {
    this.#bytes += bytes.length;
    const part = bytes.subarray(0, keptBytes - this.#size);
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#size += part.length;
  }

  text(): OutputText {
    return {
      text: Buffer.concat(this.#parts).toString('utf8'),
      bytes: this.#bytes,
      truncated: this.#bytes > this.#size,
    };
  }
}
