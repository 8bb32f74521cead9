import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const deadlineMs = 30_000;
const pollMs = 20;
/** Answers and events are some hundred bytes. */
const maxLineBytes = 64 * 1024;
/** Events of a machine's whole life: some for each time that it stops and goes on. */
const mostUnasked = 10_000;

const lines = z.union([
  z.object({ QMP: z.object({}) }),
  z.object({ event: z.string() }),
  z.object({ error: z.object({ desc: z.string() }) }),
  z.object({ return: z.looseObject({}) }),
]);
const migration = z.object({ status: z.string().optional(), 'error-desc': z.string().optional() });

/** QEMU's control, one command at a time. A program that has broken out of its machine may be what speaks. */
export class Qmp {
  readonly #stream: Duplex;
  readonly #onViolation: () => void;
  #waiting: PromiseWithResolvers<unknown>[] = [];
  readonly #greeted = Promise.withResolvers<void>();
  /** Of the line that has not ended. */
  #parts: Buffer[] = [];
  #bytes = 0;
  #unasked = 0;
  #hasEnded = false;

  /** `onViolation` has to end QEMU. */
  constructor(stream: Duplex, onViolation: () => void) {
    this.#stream = stream;
    this.#onViolation = onViolation;
    this.#greeted.promise.catch(() => {});
    stream
      .on('error', () => {})
      .on('data', (chunk: Buffer) => this.#read(chunk))
      .once('end', () => this.#end('the machine has ended'))
      .once('close', () => this.#end('the machine has ended'));
  }

  async start(): Promise<void> {
    const timer = setTimeout(() => this.#violate('QEMU did not begin'), deadlineMs);
    try {
      await this.#greeted.promise;
    } finally {
      clearTimeout(timer);
    }
    await this.run('qmp_capabilities');
  }

  /** @throws Error with what QEMU says */
  async run(command: string, values?: object): Promise<unknown> {
    if (this.#hasEnded) throw new Error('the machine has ended');
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.push(waiting);
    // Its answer could be taken for that of the next one.
    const timer = setTimeout(() => this.#violate(`QEMU did not answer to ${command}`), deadlineMs);
    this.#stream.write(`${JSON.stringify({ execute: command, arguments: values })}\n`);
    try {
      return await waiting.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when a machine that is being read or written has arrived. @throws Error when that fails or takes a minute */
  async migrated(): Promise<void> {
    for (let left = 60_000; left > 0; left -= pollMs) {
      const { status, 'error-desc': fault } = migration.parse(await this.run('query-migrate'));
      if (status === 'completed') return;
      if (status === 'failed') throw new Error(`the machine was not copied: ${fault}`);
      await sleep(pollMs);
    }
    throw new Error('the machine was not copied in time');
  }

  #read(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0 && !this.#hasEnded; at = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...this.#parts, chunk.subarray(from, at)]);
      this.#parts = [];
      this.#bytes = 0;
      from = at + 1;
      this.#hear(line);
    }
    const rest = chunk.subarray(from);
    if (rest.length === 0 || this.#hasEnded) return;
    this.#parts.push(rest);
    this.#bytes += rest.length;
    if (this.#bytes > maxLineBytes) this.#violate('QEMU says too much');
  }

  #hear(line: Buffer): void {
    const said = line.length > maxLineBytes ? undefined : parsed(line.toString('utf8'));
    if (!said) {
      this.#violate('QEMU says what it never does');
      return;
    }
    const waiting = 'return' in said || 'error' in said ? this.#waiting.shift() : undefined;
    if ('error' in said) waiting?.reject(new Error(`QEMU: ${said.error.desc.slice(0, 500)}`));
    else if ('return' in said) waiting?.resolve(said.return);
    else if ('QMP' in said) this.#greeted.resolve();
    if (!waiting && ++this.#unasked > mostUnasked) this.#violate('QEMU says too much');
  }

  #violate(message: string): void {
    if (this.#hasEnded) return;
    this.#end(message);
    this.#onViolation();
  }

  #end(message: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#parts = [];
    const error = new Error(message);
    this.#greeted.reject(error);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

function parsed(line: string): z.infer<typeof lines> | undefined {
  try {
    return lines.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
