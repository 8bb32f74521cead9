import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

const deadlineMs = 30_000;
const pollMs = 20;

/** QEMU's control, one command at a time. It is a process of ours, so its words are taken as they are. */
export class Qmp {
  readonly #stream: Duplex;
  readonly #waiting: PromiseWithResolvers<unknown>[] = [];
  readonly #greeted = Promise.withResolvers<void>();

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#greeted.promise.catch(() => {});
    const fail = () => {
      const error = new Error('the machine has ended');
      this.#greeted.reject(error);
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    };
    stream.on('error', () => {});
    createInterface({ input: stream })
      .on('line', (line) => this.#hear(line))
      .on('error', () => {})
      .once('close', fail);
  }

  async start(): Promise<void> {
    await this.#greeted.promise;
    await this.run('qmp_capabilities');
  }

  /** @throws Error with what QEMU says */
  async run(command: string, values?: object): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.push(waiting);
    const timer = setTimeout(() => waiting.reject(new Error(`QEMU did not answer to ${command}`)), deadlineMs);
    this.#stream.write(`${JSON.stringify({ execute: command, arguments: values })}\n`);
    try {
      return await waiting.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when a machine that is being read or written has arrived. @throws Error when that fails or takes a minute */
  async migrated(signal?: AbortSignal): Promise<void> {
    for (let left = 60_000; left > 0; left -= pollMs) {
      signal?.throwIfAborted();
      const { status, 'error-desc': fault } = (await this.run('query-migrate')) as Record<string, string | undefined>;
      if (status === 'completed') return;
      if (status === 'failed') throw new Error(`the machine was not copied: ${fault}`);
      await sleep(pollMs);
    }
    throw new Error('the machine was not copied in time');
  }

  #hear(line: string): void {
    const said = JSON.parse(line) as { QMP?: object; return?: unknown; error?: { desc: string } };
    if (said.QMP) this.#greeted.resolve();
    else if (said.error) this.#waiting.shift()?.reject(new Error(`QEMU: ${said.error.desc}`));
    else if ('return' in said) this.#waiting.shift()?.resolve(said.return);
  }
}
