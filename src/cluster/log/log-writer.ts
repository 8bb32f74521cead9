import { setImmediate } from 'node:timers/promises';
import type { NumberedEvent } from '../../event-log/index.ts';
import type { JobEvent, JobRef } from '../../runner/index.ts';
import { type Chain, unended, unwritten } from './chain.ts';
import { eventBytes, maxRecordBytes, recordOf, recordOfPiece } from './record.ts';

/** Records of one log come at most so often, as long as they are small. */
const paceMs = 5;
const smallBytes = 32 * 1024;
/** Events that wait for the server here; the others wait in the log in memory, which drops output where there is too much. */
const aheadBytes = 256 * 1024;
/** The server forgets records after some minutes: a log that is silent for longer gets an empty one, so that it stays begun. */
const silentMs = 120_000;

/**
 * Writes the events of one job to the server as they come: output at once after a pause, else in records of what has come meanwhile. An ending
 * waits for nothing, not even for the answer to the record before it: it carries the events of that record again. Nobody waits for the beginning of a
 * job: it goes with what follows, if that comes soon.
 */
export class LogWriter {
  readonly #chain: Chain;
  readonly #job: JobRef;
  readonly #events: AsyncIterator<NumberedEvent<JobEvent>>;
  #isBegun: boolean;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isRead = false;
  #isOver = false;
  #hasEnding = false;
  readonly #ending = Promise.withResolvers<void>();
  /** Ends what is not stored when the ending is. */
  readonly #done = new AbortController();
  /** Something waits besides the beginning of the job. */
  #hasNews = false;
  /** When the last record was written, and when its beginning came, on the clock of `performance.now()`. */
  #wroteAt = Number.NEGATIVE_INFINITY;
  #begunAt = Number.NEGATIVE_INFINITY;
  #wakeWriter = () => {};
  #wakeReader = () => {};

  /** @param isBegun its first record is written already */
  constructor(chain: Chain, job: JobRef, isBegun: boolean, events: AsyncIterable<NumberedEvent<JobEvent>>) {
    this.#chain = chain;
    this.#job = job;
    this.#isBegun = isBegun;
    this.#events = events[Symbol.asyncIterator]();
  }

  /**
   * Writes to the end of the events. False: another process has ended the log.
   * @throws the reason of `closed`
   */
  async run(closed: AbortSignal): Promise<boolean> {
    const until = AbortSignal.any([closed, this.#done.signal]);
    void this.#read();
    const stop = () => this.#wakeWriter();
    until.addEventListener('abort', stop);
    try {
      for (;;) {
        await this.#news(until);
        if (this.#waiting.length === 0 && this.#isRead) return true;
        if (!(await this.#write(until))) return false;
      }
    } finally {
      until.removeEventListener('abort', stop);
      this.#isOver = true;
      this.#done.abort();
      this.#wakeReader();
      void this.#events.return?.();
    }
  }

  async #read(): Promise<void> {
    for (;;) {
      const next = await this.#events.next();
      if (next.done || this.#isOver) break;
      const { type } = next.value.event;
      if (type === 'started') this.#begunAt = performance.now();
      else this.#hasNews = true;
      const bytes = eventBytes(next.value);
      this.#waiting.push(bytes);
      this.#waitingBytes += bytes.length;
      if (type === 'ended' || type === 'failed') {
        this.#hasEnding = true;
        this.#ending.resolve();
      }
      this.#wakeWriter();
      while (this.#waitingBytes > aheadBytes && !this.#isOver) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wakeReader = resolve;
        await promise;
      }
    }
    this.#isRead = true;
    this.#wakeWriter();
  }

  /** Waits for something to write, and where the last record is not long ago for what else comes meanwhile. */
  async #news(until: AbortSignal): Promise<void> {
    const silentAt = performance.now() + silentMs;
    for (;;) {
      until.throwIfAborted();
      const ms = this.#dueAt(silentAt) - performance.now();
      if (ms <= 0) break;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wakeWriter = resolve;
      const timer = setTimeout(resolve, ms);
      timer.unref();
      await promise;
      clearTimeout(timer);
    }
    // What comes in the same moment goes along: the end of a short program often does.
    if (!this.#hasEnding) await setImmediate();
  }

  /** When to write, on the clock of `performance.now()`. */
  #dueAt(silentAt: number): number {
    if (this.#waiting.length === 0) return this.#isRead ? 0 : silentAt;
    if (this.#isRead || this.#hasEnding || this.#waitingBytes >= smallBytes) return 0;
    return (this.#hasNews ? this.#wroteAt : this.#begunAt) + paceMs;
  }

  /** Writes what has come, as far as it fits into one record; with nothing to write an empty one. */
  async #write(until: AbortSignal): Promise<boolean> {
    this.#wroteAt = performance.now();
    const [first] = this.#waiting;
    if (first && first.length > maxRecordBytes) {
      this.#take(1);
      return this.#writePieces(first, until);
    }
    let size = 0;
    let count = 0;
    while (this.#waiting[count] && size + this.#waiting[count]!.length <= maxRecordBytes) {
      size += this.#waiting[count]!.length;
      count++;
    }
    const events = this.#take(count);
    const isLast = this.#hasEnding && this.#waiting.length === 0;
    const stored = this.#store(recordOf(this.#job.owner, this.#chain.last, events), until);
    if (isLast || size > smallBytes) return stored;
    const answer = await Promise.race([stored, this.#ending.promise]);
    if (answer !== undefined) return answer;
    if (size + this.#waitingBytes > maxRecordBytes) return stored;
    stored.catch(() => {});
    this.#waiting.unshift(...events);
    this.#waitingBytes += size;
    return true;
  }

  #store(record: Uint8Array, until: AbortSignal): Promise<boolean> {
    const { id } = this.#job;
    const expected = this.#isBegun ? unended(id) : unwritten(id);
    this.#isBegun = true;
    return this.#chain.write(record, expected, until);
  }

  async #writePieces(event: Buffer, until: AbortSignal): Promise<boolean> {
    const of = Math.ceil(event.length / maxRecordBytes);
    const number = Number(/^\[(\d+)/.exec(event.toString('latin1', 0, 32))![1]);
    for (let index = 0; index < of; index++) {
      const bytes = event.subarray(index * maxRecordBytes, (index + 1) * maxRecordBytes);
      const record = recordOfPiece(this.#job.owner, this.#chain.last, { number, index, of, bytes });
      if (!(await this.#store(record, until))) return false;
    }
    return true;
  }

  #take(count: number): Buffer[] {
    const taken = this.#waiting.splice(0, count);
    for (const { length } of taken) this.#waitingBytes -= length;
    this.#hasNews = this.#waiting.length > 0;
    this.#wakeReader();
    return taken;
  }
}
