import type { BulkPipes } from '../port.ts';
import { toMachine } from './frames.ts';
import type { MachinePort } from './port.ts';

/** What the machine may send and we have not taken. */
const windowBytes = 512 * 1024;

/** A sandbox's two pipes for much data, carried over the machine's port. */
export class MachineBulkPipes implements BulkPipes {
  readonly #port: MachinePort;
  #arrived: Buffer[] = [];
  #isReading = false;
  #hasEnded = false;
  /** Answers to `discard` that are due: what comes before is dropped. */
  #discarding = 0;
  #wake = Promise.withResolvers<void>();

  constructor(port: MachinePort) {
    this.#port = port;
  }

  /** The port has bytes for us. */
  saved(chunk: Buffer): void {
    if (!this.#isReading || this.#discarding > 0) return;
    this.#arrived.push(chunk);
    this.#wake.resolve();
  }

  /** The machine has ended. */
  end(): void {
    this.#hasEnded = true;
    this.#wake.resolve();
  }

  discard(): void {
    this.#arrived = [];
    this.#discarding++;
    void this.#port
      .ask('discard')
      .catch(() => {})
      .finally(() => {
        this.#discarding--;
      });
  }

  async *read(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const stop = () => this.#wake.resolve();
    signal.addEventListener('abort', stop, { once: true });
    this.#isReading = true;
    this.#arrived = [];
    this.#port.say('grant', { bytes: windowBytes });
    try {
      for (;;) {
        const chunk = this.#arrived.shift();
        if (signal.aborted) return;
        if (chunk) {
          yield chunk;
          this.#port.say('grant', { bytes: chunk.length });
        } else if (this.#hasEnded) return;
        else {
          await this.#wake.promise;
          this.#wake = Promise.withResolvers();
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#isReading = false;
      // What was granted is taken back.
      this.discard();
    }
  }

  async write(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const { promise: failed, reject } = Promise.withResolvers<never>();
    failed.catch(() => {});
    const stop = () => reject(new Error('the sandbox reads no more'));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      for await (const chunk of chunks) await Promise.race([this.#port.write(toMachine.given, [chunk]), failed]);
      await Promise.race([this.#port.taken(toMachine.given), failed]);
      if (this.#port.hasEnded) throw new Error('the sandbox reads no more');
    } catch (error) {
      this.#port.say('drop');
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}
