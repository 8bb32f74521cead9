import type { Msg } from '@nats-io/transport-node';
import { DragomanError, type Logger, within } from '../../core/index.ts';
import { type JobFault, jobFault } from '../../runner/index.ts';
import type { Connection } from '../connection.ts';
import { decode, encode, maxMessageBytes, maxWholeBytes } from '../message.ts';
import { seatOf, workerSubjects } from '../subjects.ts';
import { Incoming } from './incoming.ts';
import { Outgoing } from './outgoing.ts';
import { atOnceMs, framed, piece, type Question, type Reply, rememberMs, taken } from './wire.ts';

/** What one operation does. Its arguments are those of the port, as JSON has carried them. */
export type Operation =
  | { readonly kind: 'call'; run(args: never): Promise<unknown> }
  /** Bytes come out, behind a head; null: there are none. */
  | {
      readonly kind: 'read';
      run(args: never): Promise<Read | null>;
    }
  /** Bytes go in. */
  | { readonly kind: 'write'; run(args: never, content: AsyncIterable<Uint8Array>): Promise<unknown> };

interface Read {
  readonly head: unknown;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** The gateway wants no more of them. */
  readonly left?: () => void;
}

export interface CallDeskOptions {
  readonly connection: Connection;
  /** Id of this worker. */
  readonly worker: string;
  readonly operations: Readonly<Record<string, Operation>>;
  readonly logger: Logger;
}

/** Refuses a question before anything was done. */
export class Refusal extends Error {
  readonly reason: 'gone' | 'draining' | 'full';

  constructor(reason: 'gone' | 'draining' | 'full') {
    super(reason);
    this.reason = reason;
  }
}

/** Streams and remembered answers at once. Gateways admit what they ask, so this is reached by a fault alone. */
const maxCalls = 20_000;
/** Bytes of large questions that are gathered at once. */
const maxGatheredBytes = 512 * 1024 * 1024;

/** Where a worker answers what gateways ask of it. */
export class CallDesk {
  readonly #options: CallDeskOptions;
  /** Replies that may be asked for again, by call. */
  readonly #replies = new Map<string, Promise<Uint8Array>>();
  readonly #outgoing = new Map<string, Outgoing>();
  readonly #incoming = new Map<string, Incoming>();
  /** Arguments that come, or have come, before their question. */
  readonly #whole = new Map<string, Promise<Uint8Array | undefined>>();
  #gathered = 0;
  #stop = () => {};

  constructor(options: CallDeskOptions) {
    this.#options = options;
  }

  start(): void {
    const { connection, worker } = this.#options;
    const prefix = workerSubjects(seatOf(worker)).length - 1;
    this.#stop = connection.serve(workerSubjects(seatOf(worker)), undefined, (message) =>
      this.#answer(message.subject.slice(prefix).split('.'), message),
    );
  }

  /** Resolves when gateways have read every stream to its end, or left it. */
  async read(): Promise<void> {
    await Promise.all([...this.#outgoing.values()].map(({ left }) => left));
  }

  close(): void {
    this.#stop();
    for (const stream of [...this.#outgoing.values(), ...this.#incoming.values()]) stream.leave();
    this.#replies.clear();
    this.#whole.clear();
  }

  #answer(
    [operation = '', call = '', number = '']: readonly string[],
    { data }: Msg,
  ): Promise<Uint8Array> | Uint8Array {
    switch (operation) {
      case 'pull':
        return this.#outgoing.get(call)?.pull(Number(number)) ?? framed(piece.unknown);
      case 'give':
        return this.#give(call, Number(number), data);
      case 'leave':
        this.#outgoing.get(call)?.leave();
        this.#incoming.get(call)?.leave();
        return framed(taken.stop);
      default:
        return this.#ask(operation, data);
    }
  }

  #give(call: string, number: number, data: Uint8Array): Promise<Uint8Array> | Uint8Array {
    const known = this.#incoming.get(call);
    if (known) return known.take(number, data);
    // The first piece of a question that is too large for one message comes before the question.
    if (number !== 1 || this.#incoming.size >= maxCalls) return framed(taken.stop);
    const incoming = new Incoming();
    this.#incoming.set(call, incoming);
    this.#whole.set(call, this.#gather(call, incoming));
    return incoming.take(number, data);
  }

  #ask(name: string, data: Uint8Array): Promise<Uint8Array> {
    let question: Question;
    try {
      question = decode<Question>(data);
      if (typeof question.call !== 'string') throw new DragomanError('invalid_request');
    } catch (error) {
      return Promise.resolve(encode({ error: jobFault(error) }));
    }
    const { call, to } = question;
    if (to !== this.#options.worker) return Promise.resolve(encode({ refused: 'gone' } satisfies Reply));
    const known = this.#replies.get(call);
    if (known) return known;
    const operation = this.#options.operations[name];
    if (!operation || this.#replies.size >= maxCalls)
      return Promise.resolve(encode({ error: jobFault(new DragomanError(operation ? 'overloaded' : 'not_found')) }));
    const reply = this.#begin(operation, question);
    this.#replies.set(call, reply);
    const forget = () => setTimeout(() => this.#replies.delete(call), rememberMs).unref();
    void reply.then(forget, forget);
    return reply;
  }

  async #begin(operation: Operation, { call, args: sent, gives }: Question): Promise<Uint8Array> {
    try {
      // Where bytes follow, the arguments are small.
      const args = (sent === undefined && !gives ? await this.#argsOf(call) : sent) as never;
      if (operation.kind === 'read') {
        const read = await operation.run(args);
        if (read === null) return encode({ value: null });
        this.#send(call, read.bytes, read.left);
        return encode({ going: true, head: read.head } satisfies Reply);
      }
      const { logger } = this.#options;
      const answer =
        operation.kind === 'call'
          ? answered(() => operation.run(args), logger)
          : answered(() => operation.run(args, this.#content(call)).finally(() => this.#drop(call)), logger);
      // A refusal comes before anything takes long.
      const quick = await within(answer, gives ? 0 : atOnceMs);
      if (quick && quick.length <= maxMessageBytes) return quick;
      this.#send(call, once(answer));
      return encode({ going: true } satisfies Reply);
    } catch (error) {
      if (error instanceof Refusal) return encode({ refused: error.reason } satisfies Reply);
      return encode({ error: noted(error, this.#options.logger) });
    }
  }

  #send(call: string, bytes: AsyncIterable<Uint8Array>, left?: () => void): void {
    const outgoing: Outgoing = new Outgoing(bytes, () => {
      left?.();
      if (this.#outgoing.get(call) === outgoing) this.#outgoing.delete(call);
    });
    this.#outgoing.set(call, outgoing);
  }

  #content(call: string): Incoming {
    const incoming = this.#incoming.get(call) ?? new Incoming();
    this.#incoming.set(call, incoming);
    return incoming;
  }

  #drop(call: string): void {
    this.#incoming.get(call)?.leave();
    // A last piece whose answer was lost may come once more.
    setTimeout(() => this.#incoming.delete(call), rememberMs).unref();
  }

  /** Arguments that were given as a stream, before their question. */
  async #argsOf(call: string): Promise<unknown> {
    const bytes = await this.#whole.get(call);
    this.#whole.delete(call);
    if (!bytes) throw new DragomanError('invalid_request', { message: 'The question has no arguments.' });
    return decode<{ args: unknown }>(bytes).args;
  }

  /** Gathers such a stream. Undefined: it is too large, or was not given to its end. */
  async #gather(call: string, incoming: Incoming): Promise<Uint8Array | undefined> {
    const parts: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const part of incoming) {
        size += part.length;
        this.#gathered += part.length;
        if (size > maxWholeBytes || this.#gathered > maxGatheredBytes) return undefined;
        parts.push(part);
      }
      return Buffer.concat(parts);
    } catch {
      return undefined;
    } finally {
      this.#gathered -= size;
      this.#drop(call);
      setTimeout(() => this.#whole.delete(call), rememberMs).unref();
    }
  }
}

/** An answer as bytes. @throws Refusal */
async function answered(work: () => Promise<unknown>, logger: Logger): Promise<Uint8Array> {
  try {
    return encode({ value: (await work()) ?? null });
  } catch (error) {
    if (error instanceof Refusal) throw error;
    return encode({ error: noted(error, logger) });
  }
}

/** An error as data; one that was not thrown on purpose goes to the log. */
function noted(error: unknown, logger: Logger): JobFault {
  if (!(error instanceof DragomanError))
    logger.error({ error: String((error as Error).stack ?? error) }, 'a question of a gateway failed');
  return jobFault(error);
}

async function* once(answer: Promise<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield await answer;
}
