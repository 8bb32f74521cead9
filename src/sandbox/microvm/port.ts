import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { FrameDecoder, frameHead, fromMachine, toMachine } from './frames.ts';

/** What the relay says on its own. It is as hostile as anything in the machine. */
const events = z.union([
  z.strictObject({ event: z.enum(['machine', 'zygote', 'lost', 'saved_end']) }),
  z.strictObject({ event: z.literal('taken'), channel: z.int(), bytes: z.int().nonnegative() }),
  z.strictObject({ event: z.literal('exit'), code: z.int().nullable(), signal: z.string().max(20).nullable() }),
]);
const answers = z.strictObject({ answer: z.int(), value: z.unknown(), more: z.boolean().optional() });

type MachineEvent = z.infer<typeof events>;

/** What hears a machine. */
export interface PortListener {
  claims(chunk: Buffer): void;
  stdout(chunk: Buffer): void;
  stderr(chunk: Buffer): void;
  saved(chunk: Buffer): void;
  event(event: Exclude<MachineEvent, { event: 'taken' }>): void;
  /** What the machine sent is none of the above. */
  violate(message: string): void;
  /** The machine has ended: nothing more is heard. */
  end(): void;
}

interface Question {
  resolve(value: unknown): void;
  reject(error: Error): void;
  /** Hears each page of an answer that has several. */
  readonly page: ((value: unknown) => void) | undefined;
}

const answerDeadlineMs = 30_000;
/** Bytes on their way to a pipe in the machine that its reader has not taken. */
const windowBytes = 512 * 1024;
const maxPages = 1000;
const spareAnswers = 16;
/** Of a machine's whole life; an honest one tells of its start, its zygote and its sandbox's end. */
const mostEvents = 100;
/** Output that nobody listens to: what the pipes of a sandbox hold, and what comes late. */
const mostUnheardBytes = 16 * 1024 * 1024;

/** The port of a machine: orders and answers, and the bytes of its sandbox's pipes. */
export class MachinePort {
  readonly #stream: Duplex;
  readonly #decoder = new FrameDecoder();
  #listener: PortListener | undefined;
  readonly #questions = new Map<number, Question & { pages: number }>();
  #lastQuestion = 0;
  #content: Buffer | undefined;
  /** By channel to the machine. */
  readonly #untaken = new Map<number, number>();
  #moved = Promise.withResolvers<void>();
  #hasEnded = false;
  #unasked = 0;
  #told = 0;
  #unheard = 0;
  #excess = 0;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    stream.on('error', () => {});
    stream.once('close', () => this.#end());
    stream.once('end', () => this.#end());
  }

  listen(listener: PortListener): void {
    this.#listener = listener;
    if (this.#hasEnded) listener.end();
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Says something that needs no answer. */
  say(op: string, values: object = {}): void {
    this.#send(toMachine.orders, [Buffer.from(JSON.stringify({ op, ...values }))]);
  }

  /** @throws Error when the machine ends, or there is no answer within half a minute */
  async ask(op: string, values: object = {}, page?: (value: unknown) => void): Promise<unknown> {
    if (this.#hasEnded) throw new Error('the machine has ended');
    const id = ++this.#lastQuestion;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#questions.set(id, { resolve, reject, page, pages: 0 });
    const timer = setTimeout(
      () => reject(new Error(`the machine did not answer to ${op} within ${answerDeadlineMs} ms`)),
      answerDeadlineMs,
    );
    this.say(op, { ...values, id });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#questions.delete(id);
    }
  }

  /** Asks for bytes, which come just before the answer. */
  async askForContent(op: string, values: object): Promise<Buffer> {
    await this.ask(op, values);
    const content = this.#content ?? Buffer.alloc(0);
    this.#content = undefined;
    return content;
  }

  /** Sends bytes to a pipe in the machine. Resolves when there is room for more: at once, mostly. */
  async write(channel: number, parts: readonly Uint8Array[]): Promise<void> {
    if (this.#hasEnded) return;
    this.#untaken.set(channel, this.untaken(channel) + this.#send(channel, parts));
    await this.#until(() => this.untaken(channel) <= windowBytes);
  }

  /** Resolves when the reader of a pipe has everything. */
  taken(channel: number): Promise<void> {
    return this.#until(() => this.untaken(channel) === 0);
  }

  untaken(channel: number): number {
    return this.#untaken.get(channel) ?? 0;
  }

  /** Counts what the machine sends for nobody. @throws Error when that is more than an honest one would */
  unheard(bytes: number): void {
    this.#unheard += bytes;
    if (this.#unheard > mostUnheardBytes) throw new Error('output that nobody asked for');
  }

  close(): void {
    this.#stream.destroy();
    this.#end();
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!this.#hasEnded && !isSo()) await this.#moved.promise;
  }

  #move(): void {
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }

  #send(channel: number, parts: readonly Uint8Array[]): number {
    if (this.#hasEnded) return 0;
    const pieces = parts.flatMap(pieced);
    this.#stream.cork();
    for (const piece of pieces) {
      this.#stream.write(frameHead(channel, piece.length));
      this.#stream.write(piece);
    }
    this.#stream.uncork();
    return pieces.reduce((sum, { length }) => sum + length, 0);
  }

  #read(chunk: Buffer): void {
    try {
      for (const { channel, content } of this.#decoder.push(chunk)) this.#hear(channel, content);
    } catch (error) {
      this.#listener?.violate((error as Error).message);
    }
  }

  #hear(channel: number, content: Buffer): void {
    const listener = this.#listener;
    switch (channel) {
      case fromMachine.events:
        this.#hearEvent(JSON.parse(content.toString('utf8')));
        return;
      case fromMachine.claims:
        listener?.claims(content);
        return;
      case fromMachine.stdout:
        listener?.stdout(content);
        return;
      case fromMachine.stderr:
        listener?.stderr(content);
        return;
      case fromMachine.saved:
        listener?.saved(content);
        return;
      case fromMachine.content:
        // It comes just before its answer.
        if (this.#questions.size === 0) this.unheard(content.length);
        this.#content = content;
        return;
      default:
        throw new Error(`a frame of channel ${channel}`);
    }
  }

  #hearEvent(said: unknown): void {
    const answer = answers.safeParse(said);
    if (answer.success) {
      const { answer: id, value, more } = answer.data;
      const question = this.#questions.get(id);
      if (!more) question?.resolve(value);
      // An answer that comes too late. There cannot be more of these than questions.
      if (!question) {
        if (++this.#unasked > this.#lastQuestion + spareAnswers) throw new Error('answers to what nothing asked');
        return;
      }
      if (++question.pages > maxPages) throw new Error('an answer that does not end');
      question.page?.(value);
      return;
    }
    const event = events.parse(said);
    if (event.event !== 'taken') {
      if (++this.#told > mostEvents) throw new Error('events that do not end');
      this.#listener?.event(event);
      return;
    }
    const left = this.untaken(event.channel) - event.bytes;
    // A machine that goes on from a checkpoint may still take what another port has sent.
    this.#excess += Math.max(0, -left);
    if (event.bytes === 0 || this.#excess > windowBytes) throw new Error('more was taken than was sent');
    this.#untaken.set(event.channel, Math.max(0, left));
    this.#move();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const { reject } of this.#questions.values()) reject(new Error('the machine has ended'));
    this.#move();
    this.#listener?.end();
  }
}

/** The relay takes a frame at once, so none is long. */
const pieceBytes = 64 * 1024;

function pieced(bytes: Uint8Array): Uint8Array[] {
  if (bytes.length <= pieceBytes) return bytes.length === 0 ? [] : [bytes];
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes));
  return pieces;
}
