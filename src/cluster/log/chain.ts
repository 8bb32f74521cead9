import { setTimeout as sleep } from 'node:timers/promises';
import { type JetStreamClient, jetstream } from '@nats-io/jetstream';
import type { Connection } from '../connection.ts';
import { lastSequenceOf } from '../leases/lease.ts';
import { logOfAll, logSubject } from '../subjects.ts';

const answerMs = 3000;
const againMs = 250;

/** One writer's end of the log of a job. It has one record on its way at a time. */
export class Chain {
  readonly #stream: JetStreamClient;
  readonly #connection: Connection;
  readonly #subject: string;
  readonly #all: string;
  readonly #ids: string;
  #last: number;
  #count = 0;

  /**
   * @param name of the process that writes: a worker's seat, or `gatewayName`
   * @param ids of its records, unlike those of every other writer of the log
   * @param last sequence of the record it writes behind; 0: it begins the log
   */
  constructor(connection: Connection, name: string, job: string, ids: string, last: number) {
    this.#stream = jetstream(connection.nats);
    this.#connection = connection;
    this.#subject = logSubject(name, job);
    this.#all = logOfAll(job);
    this.#ids = ids;
    this.#last = last;
  }

  /** Sequence of the last record that it wrote, or writes behind. */
  get last(): number {
    return this.#last;
  }

  /**
   * Writes the next record, for as long as that takes. False: another process has written to the log, and this record is not in it.
   * @param until aborts when it is given up; then it may be in the log or not
   * @throws the reason of `until`; what the server says against it for good
   */
  async write(record: Uint8Array, until?: AbortSignal): Promise<boolean> {
    const msgID = `${this.#ids}.${++this.#count}`;
    for (let mayBeStored = false; ; ) {
      until?.throwIfAborted();
      try {
        const expect = { lastSubjectSequence: this.#last, lastSubjectSequenceSubject: this.#all };
        this.#last = (await this.#stream.publish(this.#subject, record, { msgID, timeout: answerMs, expect })).seq;
        return true;
      } catch (error) {
        const last = lastSequenceOf(error);
        if (last !== undefined) return mayBeStored && (await this.#isOwn(record, msgID, last, until));
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
