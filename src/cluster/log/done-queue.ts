import { setTimeout as sleep } from 'node:timers/promises';
import { type ConsumerMessages, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { DragomanError, type Logger } from '../../core/index.ts';
import type { SessionRef } from '../../runner/index.ts';
import type { Endings, ToldEnding } from '../../service/index.ts';
import type { Connection } from '../connection.ts';
import { doneConsumer, doneOfJob, doneOfSession, doneStream, noSession, seatOf } from '../subjects.ts';
import { readDone } from './done.ts';

/** Endings that this gateway has in hand at once, and has in store. */
const maxAtOnce = 16;
const inStore = 32;
/** How often the server hears that one is still in hand: less than it waits for (`streams.ts`). */
const beatMs = 3000;
/** How soon one comes again: first, and after many times. */
const firstAgainMs = 500;
const lastAgainMs = 15_000;
/** One that fails by our own fault, and one whose stores do not answer: the bytes of its files are held for an hour. */
const faultyMs = 5 * 60_000;
const unavailableMs = 55 * 60_000;
const restartMs = 500;

/** The endings that workers have told (`writeDone`): each is given to one gateway after the other until it is settled. */
export class DoneQueue implements Endings {
  readonly #connection: Connection;
  readonly #logger: Logger;
  readonly #now: () => number;
  #messages: ConsumerMessages | undefined;
  #isClosed = false;
  #atOnce = 0;
  #wake = () => {};

  constructor(connection: Connection, logger: Logger, now: () => number) {
    this.#connection = connection;
    this.#logger = logger;
    this.#now = now;
  }

  /** Endings in hand. */
  get atOnce(): number {
    return this.#atOnce;
  }

  serve(...parts: Parameters<Endings['serve']>): void {
    void this.#run(...parts);
  }

  close(): void {
    this.#isClosed = true;
    this.#messages?.stop();
    this.#wake();
  }

  ofSession({ id, worker }: SessionRef): Promise<ToldEnding | undefined> {
    return this.#last(doneOfSession(seatOf(worker), id));
  }

  ofExecution(id: string): Promise<ToldEnding | undefined> {
    return this.#last(doneOfJob(id));
  }

  /** The library ends a subscription when its consumer, or the server's disk, is gone. */
  async #run(...parts: Parameters<Endings['serve']>): Promise<void> {
    while (!this.#isClosed) {
      try {
        const consumer = await jetstream(this.#connection.nats).consumers.get(doneStream, doneConsumer);
        this.#messages = await consumer.consume({ max_messages: inStore });
        if (this.#isClosed) this.#messages.stop();
        for await (const message of this.#messages) {
          while (this.#atOnce >= maxAtOnce && !this.#isClosed) await this.#left();
          if (this.#isClosed) return;
          void this.#take(message, ...parts);
        }
      } catch (error) {
        if (this.#isClosed || this.#connection.nats.isClosed()) return;
        if (this.#connection.isConnected)
          this.#logger.warn({ error: String(error) }, 'endings are not heard; trying again');
      }
      await sleep(restartMs, undefined, { ref: false });
    }
  }

  async #take(
    message: JsMsg,
    settle: Parameters<Endings['serve']>[0],
    givenUp: Parameters<Endings['serve']>[1],
  ): Promise<void> {
    this.#atOnce++;
    const beat = setInterval(() => message.working(), beatMs);
    let told: ToldEnding | undefined;
    try {
      const { subject, data, info } = message;
      told = endingOf({ subject, data, toldAt: Number(BigInt(info.timestampNanos) / 1_000_000n) });
      if (await settle(told)) message.ack();
      else message.nak(againMs(message));
    } catch (error) {
      if (told && this.#mayHelp(told, error)) message.nak(againMs(message));
      else {
        if (told) givenUp(told, error);
        else this.#logger.error({ subject: message.subject, error: String(error) }, 'an ending cannot be read');
        message.term();
      }
    } finally {
      clearInterval(beat);
      this.#atOnce--;
      this.#wake();
    }
  }

  /** Whether it may be recorded another time. */
  #mayHelp({ toldAt }: ToldEnding, error: unknown): boolean {
    if (this.#isClosed) return true;
    const age = this.#now() - toldAt;
    if (!(error instanceof DragomanError) || error.code === 'internal') return age < faultyMs;
    return error.retryable && age < unavailableMs;
  }

  #left(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }

  async #last(subject: string): Promise<ToldEnding | undefined> {
    try {
      const manager = await jetstreamManager(this.#connection.nats, { checkAPI: false });
      const found = await manager.streams.getMessage(doneStream, { last_by_subj: subject });
      return found ? endingOf({ subject: found.subject, data: found.data, toldAt: found.time.getTime() }) : undefined;
    } catch (error) {
      // What cannot be read is given up where it comes in its turn.
      if (error instanceof DragomanError && !error.retryable) return undefined;
      throw new DragomanError('overloaded', { retryAfterSeconds: 1, cause: error });
    }
  }
}

function againMs({ info }: JsMsg): number {
  return Math.min(lastAgainMs, firstAgainMs * 2 ** Math.min(info.deliveryCount - 1, 10));
}

/**
 * An ending as a worker has told it. The server vouches for the seat in the subject; of what the worker says, the form is checked here.
 * @throws DragomanError invalid_request
 */
function endingOf({ subject, data, toldAt }: { subject: string; data: Uint8Array; toldAt: number }): ToldEnding {
  const [, , seat, ofSession, ofJob] = subject.split('.');
  const told = readDone(data);
  const { exec, worker, session } = told;
  if (seatOf(worker) !== seat || exec !== ofJob || ofSession !== (session?.id ?? noSession))
    throw new DragomanError('invalid_request', { message: 'The ending is not that of its subject.' });
  if (session && session.worker !== worker)
    throw new DragomanError('invalid_request', { message: 'The ending is not of the worker of its session.' });
  return { ...told, toldAt };
}
