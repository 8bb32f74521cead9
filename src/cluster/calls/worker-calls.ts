import { setTimeout as sleep } from 'node:timers/promises';
import { DragomanError, newId } from '../../core/index.ts';
import { errorOf, type JobFault, WorkerGone } from '../../runner/index.ts';
import { type Connection, Unanswered } from '../connection.ts';
import type { WorkerTable } from '../leases/worker-table.ts';
import { type Answer, answered, decode, encode, maxMessageBytes, maxWholeBytes } from '../message.ts';
import { seatOf, workerSubject } from '../subjects.ts';
import { framed, given, piece, pullMs, type Question, type Reply, taken, wayMs } from './wire.ts';

/** How often a question is asked again while its worker seems to be away. */
const againMs = 100;
/** The worker answers to nothing for so long, though its lease is renewed. */
const silentMs = 20_000;

export interface CallOptions {
  /** From then on the answer is not wanted. */
  readonly signal?: AbortSignal | undefined;
}

/** Which processes live that can be asked: workers, or gateways. */
interface Living extends Pick<WorkerTable, 'onGone'> {
  find(worker: string): unknown;
}

/** How a gateway asks workers. Each question ends: with an answer, with the worker, or when the worker stays silent. */
export class WorkerCalls {
  readonly #connection: Connection;
  readonly #workers: Living;

  constructor(connection: Connection, workers: Living) {
    this.#connection = connection;
    this.#workers = workers;
  }

  /**
   * Asks for a value.
   * @throws WorkerGone when the worker is no longer there, or refuses; DragomanError of the worker
   */
  async call<T>(worker: string, operation: string, args: unknown, { signal }: CallOptions = {}): Promise<T> {
    // Asked again with the same id, because no answer came, it is done once.
    const call = newId();
    const reply = await this.#ask(worker, operation, { to: worker, call, args });
    if ('value' in reply) return reply.value as T;
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of this.#pulled(worker, call, signal)) {
      size += part.length;
      if (size > maxWholeBytes) throw new DragomanError('too_large');
      parts.push(part);
    }
    if (signal?.aborted) throw new DragomanError('cancelled');
    return answered<T>(decode<Answer<T>>(Buffer.concat(parts)));
  }

  /** Asks for bytes. Null: there are none. @throws as `call` */
  async read<H>(
    worker: string,
    operation: string,
    args: unknown,
    { signal }: CallOptions = {},
  ): Promise<{ readonly head: H; readonly bytes: AsyncIterable<Uint8Array> } | null> {
    const call = newId();
    const reply = await this.#ask(worker, operation, { to: worker, call, args });
    if (!('going' in reply)) return null;
    // A reader that has gone may ask for nothing more, and so would never tell.
    signal?.addEventListener('abort', () => void this.#leave(worker, call), { once: true });
    return { head: reply.head as H, bytes: this.#pulled(worker, call, signal) };
  }

  /** Gives bytes, no faster than the worker takes them, and asks what came of it. @throws as `call`; what `content` throws */
  async write<T>(worker: string, operation: string, args: unknown, content: AsyncIterable<Uint8Array>): Promise<T> {
    const call = newId();
    const reply = await this.#ask(worker, operation, { to: worker, call, args, gives: true });
    if ('value' in reply) return reply.value as T;
    const stop = new AbortController();
    const result = collected(this.#pulled(worker, call, stop.signal));
    result.catch(() => {});
    try {
      await this.#give(worker, call, content);
    } catch (error) {
      stop.abort();
      void this.#leave(worker, call);
      throw error;
    }
    return answered<T>(decode<Answer<T>>(await result));
  }

  async #ask(worker: string, operation: string, question: Question): Promise<Exclude<Reply, { refused: string }>> {
    let message = encode(question);
    if (message.length > maxMessageBytes) {
      const { args, ...rest } = question;
      await this.#give(worker, question.call, once(encode({ args })));
      message = encode(rest);
    }
    const subject = workerSubject(seatOf(worker), operation);
    const bytes = await this.#until(worker, () => this.#connection.request(subject, message, wayMs));
    const reply = decode<Reply & { error?: JobFault }>(bytes);
    if (reply.error !== undefined) throw errorOf(reply.error);
    if ('refused' in reply) throw new WorkerGone(false, reply.refused);
    return reply;
  }

  async #give(worker: string, call: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    let number = 0;
    const give = async (kind: number, bytes?: Uint8Array): Promise<boolean> => {
      const subject = workerSubject(seatOf(worker), 'give', call, ++number);
      const frame = framed(kind, bytes);
      for (;;) {
        const [answer] = await this.#until(worker, () => this.#connection.request(subject, frame, pullMs + wayMs));
        if (answer !== taken.wait) return answer === taken.next;
      }
    };
    for await (const chunk of content)
      for (let at = 0; at < chunk.length; at += maxMessageBytes)
        if (!(await give(given.more, chunk.subarray(at, at + maxMessageBytes)))) return;
    await give(given.end);
  }

  async *#pulled(worker: string, call: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    let isOver = false;
    try {
      for (let number = 1; !signal?.aborted; ) {
        const subject = workerSubject(seatOf(worker), 'pull', call, number);
        const pull = this.#until(worker, () => this.#connection.request(subject, new Uint8Array(), pullMs + wayMs));
        const frame = await orAborted(pull, signal);
        if (!frame) return;
        const body = frame.subarray(1);
        switch (frame[0]) {
          case piece.nothingYet:
            continue;
          case piece.more:
            number++;
            yield body;
            continue;
          case piece.end:
            isOver = true;
            if (body.length > 0) yield body;
            return;
          case piece.fault:
            isOver = true;
            throw errorOf(decode<JobFault>(body));
          default:
            isOver = true;
            throw new WorkerGone(true, 'the stream is not there');
        }
      }
    } finally {
      if (!isOver) void this.#leave(worker, call);
    }
  }

  /** Tells a worker that a stream is not wanted. Where this is lost, the worker finds out by itself. */
  async #leave(worker: string, call: string): Promise<void> {
    try {
      this.#connection.nats.publish(workerSubject(seatOf(worker), 'leave', call));
    } catch {
      // The connection is closed, and with it all streams.
    }
  }

  /** Asks until there is an answer, as long as the worker lives: all that is asked here may be asked again. */
  async #until(worker: string, ask: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const until = performance.now() + silentMs;
    // A question that finds no process on its subject was not delivered.
    let wasSent = false;
    for (;;) {
      if (!this.#workers.find(worker)) throw new WorkerGone(wasSent);
      try {
        return await this.#orGone(worker, ask());
      } catch (error) {
        if (error instanceof WorkerGone) throw error;
        if (!(error instanceof Unanswered)) throw error;
        wasSent ||= !error.isAbsent;
        if (performance.now() > until) throw new WorkerGone(wasSent, error);
        if (error.isAbsent) await sleep(againMs);
      }
    }
  }

  /** @throws WorkerGone as soon as the worker's lease ends */
  async #orGone(worker: string, answer: Promise<Uint8Array>): Promise<Uint8Array> {
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = this.#workers.onGone((gone) => {
      if (gone === worker) reject(new WorkerGone(true));
    });
    try {
      return await Promise.race([answer, promise]);
    } finally {
      stop();
      promise.catch(() => {});
      answer.catch(() => {});
    }
  }
}

async function collected(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(bytes));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Undefined when `signal` aborts first. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (!signal) return promise;
  if (signal.aborted) return undefined;
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const stop = () => resolve(undefined);
  signal.addEventListener('abort', stop, { once: true });
  promise.catch(() => {});
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', stop));
}
