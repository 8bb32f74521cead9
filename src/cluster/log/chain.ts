import { setTimeout as sleep } from 'node:timers/promises';
import { type JetStreamClient, jetstream } from '@nats-io/jetstream';
import type { Connection } from '../connection.ts';
import { lastSequenceOf } from '../leases/lease.ts';
import { gatewayName, logOfAll, logSubject } from '../subjects.ts';

const answerMs = 3000;
const againMs = 250;

/** What the server has to have stored last on these subjects, so that it stores a record; 0: nothing. */
export interface Expected {
  readonly subject: string;
  readonly sequence: number;
}

/** Nobody has written to the log of this job: its first record is won by one. */
export const unwritten = (job: string): Expected => ({ subject: logOfAll(job), sequence: 0 });
/** No gateway has ended the log of this job. What other workers write there changes nothing. */
export const unended = (job: string): Expected => ({ subject: logSubject(gatewayName, job), sequence: 0 });

/** One writer's end of the log of a job. */
export class Chain {
  readonly #stream: JetStreamClient;
  readonly #connection: Connection;
  readonly #subject: string;
  readonly #all: string;
  readonly #ids: string;
  #last = 0;
  #count = 0;

  /**
   * @param name of the process that writes: a worker's seat, or `gatewayName`
   * @param ids of its records, unlike those of every other writer of the log
   */
  constructor(connection: Connection, name: string, job: string, ids: string) {
    this.#stream = jetstream(connection.nats);
    this.#connection = connection;
    this.#subject = logSubject(name, job);
    this.#all = logOfAll(job);
    this.#ids = ids;
  }

  /** Sequence of the last record that it wrote, as far as it knows; 0: none. */
  get last(): number {
    return this.#last;
  }

  /**
   * Writes a record, for as long as that takes. False: the server has stored something else there, and this record is not in the log.
   * @param until aborts when it is given up; then it may be in the log or not
   * @throws the reason of `until`; what the server says against it for good
   */
  async write(record: Uint8Array, expected: Expected, until?: AbortSignal): Promise<boolean> {
    const msgID = `${this.#ids}.${++this.#count}`;
    for (let mayBeStored = false; ; ) {
      until?.throwIfAborted();
      try {
        const expect = { lastSubjectSequence: expected.sequence, lastSubjectSequenceSubject: expected.subject };
        const { seq } = await this.#stream.publish(this.#subject, record, { msgID, timeout: answerMs, expect });
        this.#last = Math.max(this.#last, seq);
        return true;
      } catch (error) {
        const last = lastSequenceOf(error);
        if (last !== undefined)
          return mayBeStored && expected.subject === this.#all && (await this.#isOwn(record, msgID, last, until));
        if (this.#connection.nats.isClosed() || isTooLarge(error)) throw error;
        mayBeStored = true;
        await sleep(againMs, undefined, { ref: false });
      }
    }
  }

  /**
   * Whether the last record is this one, whose answer was lost: the server knows its id then. It looks for the id only if the last record of
   * this writer's own subject is the last one of the log.
   */
  async #isOwn(record: Uint8Array, msgID: string, last: number, until: AbortSignal | undefined): Promise<boolean> {
    for (;;) {
      until?.throwIfAborted();
      try {
        const expect = { lastSubjectSequence: last, lastSubjectSequenceSubject: this.#subject };
        const { seq, duplicate } = await this.#stream.publish(this.#subject, record, {
          msgID,
          timeout: answerMs,
          expect,
        });
        // An earlier process of this name has written the last record, and now this one is a stray behind it: readers leave it out.
        if (!duplicate) return false;
        this.#last = seq;
        return true;
      } catch (error) {
        if (lastSequenceOf(error) !== undefined) return false;
        if (this.#connection.nats.isClosed()) throw error;
        await sleep(againMs, undefined, { ref: false });
      }
    }
  }
}

function isTooLarge(error: unknown): boolean {
  return /max_?payload|message size exceeds/i.test(String((error as Error).message));
}
