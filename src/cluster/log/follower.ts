import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
import type { Msg, Subscription } from '@nats-io/transport-node';
import type { Logger } from '../../core/index.ts';
import type { EventWriter, NumberedEvent } from '../../event-log/index.ts';
import type { JobEvent, JobRef } from '../../runner/index.ts';
import type { Connection } from '../connection.ts';
import { maxWholeBytes } from '../message.ts';
import { LostEnding } from '../runner/lost-ending.ts';
import { gatewayName, logOfAll, logStream, logTold, seatOf } from '../subjects.ts';
import { readEvent, readRecord } from './record.ts';

/** Records that are read from the server at once. */
const batch = 200;
const batchBytes = 4 * 1024 * 1024;
/** Records that wait here while earlier ones are read; beyond it they are read from the server. */
const maxWaiting = 1000;

export interface FollowerOptions {
  readonly connection: Connection;
  readonly job: JobRef;
  /** Where its events go. */
  readonly writer: EventWriter<JobEvent>;
  /** The job has ended, or belongs to another owner. */
  readonly onEnd: () => void;
  readonly logger: Logger;
}

/** A record as it was stored. */
interface Stored {
  readonly sequence: number;
  /** The name it was written under. */
  readonly writer: string;
  readonly data: Uint8Array;
}

/**
 * Follows the log of one job: hears the records as they are stored, and reads those that it has not heard. The first `started` says whose
 * log it is: what another worker writes is left out.
 */
export class Follower {
  readonly job: JobRef;
  /** On the clock of `performance.now()`. */
  readonly begunAt = performance.now();
  /** When it last heard something, on the clock of `performance.now()`. */
  heardAt = performance.now();
  /** The worker that the job was sent to, and to no other. */
  sentTo: string | undefined;
  readonly #options: FollowerOptions;
  readonly #subscription: Subscription;
  readonly #partial = new LostEnding();
  #waiting: Stored[] = [];
  #worker: string | undefined;
  #last = 0;
  #hasGap = false;
  /** What the server has stored could not be read. */
  #isDeaf = false;
  #isOver = false;
  #going: Promise<void> | undefined;
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;
  #news = Promise.withResolvers<void>();

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.job = options.job;
    this.#subscription = options.connection.nats.subscribe(logTold(options.job.id), {
      callback: (error, message) => {
        if (error) this.#options.logger.error({ error: String(error) }, 'the log of a job is not heard');
        else this.#hear(message);
      },
    });
  }

  /** The worker that has begun the job. */
  get worker(): string | undefined {
    return this.#worker;
  }

  /** Sequence of the latest record; 0: there is none. */
  get last(): number {
    return this.#last;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The ending of the job, if its worker is lost now. */
  lostEnding(): NumberedEvent<JobEvent> {
    return { number: this.#options.writer.last + 1, event: this.#partial.ending() };
  }

  /** Resolves with the next record, or the end. */
  get news(): Promise<void> {
    return this.#news.promise;
  }

  /** Reads what the server has stored and was not heard. Never rejects. */
  async look(): Promise<void> {
    this.#hasGap = true;
    await this.#going;
    if (this.#hasGap && !this.#isOver) await this.#go();
  }

  /** Ends what readers get, with this event if there is one. */
  end(last?: JobEvent): void {
    if (this.#isOver) return;
    if (last) this.#options.writer.append(last);
    this.#isOver = true;
    this.#subscription.unsubscribe();
    this.#waiting = [];
    this.#hasGap = false;
    this.#options.writer.end();
    this.#tell();
    this.#options.onEnd();
  }

  #hear({ subject, data, headers }: Msg): void {
    if (this.#isOver) return;
    const sequence = Number(headers?.get('Nats-Sequence'));
    if (!Number.isSafeInteger(sequence) || sequence <= this.#last) return;
    if (this.#waiting.length < maxWaiting) this.#waiting.push({ sequence, writer: writerOf(subject), data });
    else this.#hasGap = true;
    void this.#go();
  }

  #go(): Promise<void> {
    this.#going ??= this.#work().finally(() => {
      this.#going = undefined;
      // It may have come after the work was done, and before this.
      if (!this.#isDeaf && (this.#waiting.length > 0 || this.#hasGap)) void this.#go();
    });
    return this.#going;
  }

  async #work(): Promise<void> {
    let wasRead = false;
    this.#isDeaf = false;
    while (!this.#isOver && (this.#hasGap || this.#waiting.length > 0)) {
      if (this.#hasGap) {
        this.#hasGap = false;
        wasRead = await this.#readStored();
        if (!wasRead) {
          this.#hasGap = true;
          this.#isDeaf = true;
          return;
        }
        continue;
      }
      const [next] = this.#waiting;
      // What follows a record that the server has dropped meanwhile is taken as it is.
      if (next!.sequence <= this.#last || this.#take(next!, wasRead)) this.#waiting.shift();
      else this.#hasGap = true;
      wasRead = false;
    }
  }

  /** False: it could not be read, and is tried again later. */
  async #readStored(): Promise<boolean> {
    const { connection, logger } = this.#options;
    try {
      const { direct } = await jetstreamManager(connection.nats, { checkAPI: false });
      for (let more = true; more && !this.#isOver; ) {
        more = false;
        const query = { seq: this.#last + 1, next_by_subj: logOfAll(this.job.id), batch, max_bytes: batchBytes };
        for await (const { seq, subject, data } of await direct.getBatch(logStream, query)) {
          if (seq <= this.#last) continue;
          this.#take({ sequence: seq, writer: writerOf(subject), data }, true);
          more = true;
        }
      }
      return true;
    } catch (error) {
      // No record after the last one.
      if (/not found/i.test(String((error as Error).message))) return true;
      if (!(error instanceof JetStreamApiError) && !connection.isConnected) return false;
      logger.warn({ job: this.job.id, error: String(error) }, 'the log of a job was not read');
      return false;
    }
  }

  /** False: it does not follow the record before it. */
  #take({ sequence, writer, data }: Stored, isRead: boolean): boolean {
    let record: ReturnType<typeof readRecord>;
    try {
      record = readRecord(data);
    } catch {
      record = { owner: this.job.owner, after: this.#last, events: [] };
    }
    if (record.after !== this.#last && !isRead) return false;
    this.#last = sequence;
    this.heardAt = performance.now();
    if (record.owner !== this.job.owner) this.end();
    else if (record.piece) this.#takePiece(record.piece, writer);
    else for (const event of record.events ?? []) this.#takeEvent(event, writer);
    this.#tell();
    return true;
  }

  #takePiece({ number, index, of, bytes }: NonNullable<ReturnType<typeof readRecord>['piece']>, writer: string): void {
    if (index !== this.#pieces.length) this.#pieces = [];
    if (index === 0) this.#piecesBytes = 0;
    if (index !== this.#pieces.length || number <= this.#options.writer.last) return;
    this.#piecesBytes += bytes.length;
    if (this.#piecesBytes > maxWholeBytes) return;
    this.#pieces.push(bytes);
    if (index < of - 1) return;
    try {
      this.#takeEvent(readEvent(Buffer.concat(this.#pieces)), writer);
    } catch {
      this.#options.logger.warn({ job: this.job.id }, 'an event of a job cannot be read');
    }
    this.#pieces = [];
  }

  #takeEvent({ number, event }: NumberedEvent<JobEvent>, writer: string): void {
    const log = this.#options.writer;
    if (this.#isOver || number <= log.last || !this.#isFrom(writer, event)) return;
    this.#partial.note(event);
    if (event.type === 'started') this.#worker = event.worker;
    log.append(event, number);
    if (event.type === 'ended' || event.type === 'failed') this.end();
  }

  /** A gateway may end a log; the one worker that has begun it writes the rest. */
  #isFrom(writer: string, event: JobEvent): boolean {
    if (writer === gatewayName) return true;
    if (this.#worker !== undefined) return writer === seatOf(this.#worker) && event.type !== 'started';
    if (this.sentTo !== undefined && writer !== seatOf(this.sentTo)) return false;
    return event.type !== 'started' || (typeof event.worker === 'string' && seatOf(event.worker) === writer);
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

/** The third token: `dg.in.<writer>.<job>`, `dg.ev.<writer>.<job>`. */
function writerOf(subject: string): string {
  return subject.split('.')[2] ?? '';
}
