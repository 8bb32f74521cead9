import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
import type { Msg, Subscription } from '@nats-io/transport-node';
import type { Logger } from '../../core/index.ts';
import type { EventWriter, NumberedEvent } from '../../event-log/index.ts';
import type { JobEvent, JobRef } from '../../runner/index.ts';
import type { Connection } from '../connection.ts';
import { maxWholeBytes } from '../message.ts';
import { LostEnding } from '../runner/lost-ending.ts';
import { gatewayName, logOfAll, logStream, logSubject, logTold, logToldBy, seatOf } from '../subjects.ts';
import { type Expected, unended, unwritten } from './chain.ts';
import { readEvent, readRecord } from './record.ts';

/** Records that are read from the server at once. */
const batch = 200;
const batchBytes = 4 * 1024 * 1024;
/** Records that wait here while earlier ones are read; beyond it they are read from the server. */
const maxWaiting = 1000;
/** Records of one log in one second: a worker writes some hundreds. */
const maxRecords = 5000;
/** Records of others in one log, before they are heard no more. */
const maxForeign = 100;

export interface FollowerOptions {
  readonly connection: Connection;
  readonly job: JobRef;
  /** Where its events go. */
  readonly writer: EventWriter<JobEvent>;
  /** The job has ended, or belongs to another owner. */
  readonly onEnd: () => void;
  /** Its worker writes more than any job has to tell. */
  readonly onFlood: () => void;
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
  /** When its worker last wrote something, on the same clock. */
  toldAt = performance.now();
  /** When it is to have ended, on the same clock. Undefined: nobody has cancelled it. */
  endBy: number | undefined;
  /** The worker that the job was sent to, and to no other. */
  sentTo: string | undefined;
  /** When it was sent there and could still be sent elsewhere, on the same clock. */
  sentAt = performance.now();
  readonly #options: FollowerOptions;
  #subscriptions: Subscription[] = [];
  readonly #partial = new LostEnding();
  #waiting: Stored[] = [];
  #worker: string | undefined;
  #last = 0;
  /** Sequence of the latest record of its worker. */
  #lastOfWorker = 0;
  #foreign = 0;
  #heard = 0;
  #heardSince = 0;
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
    this.#listen(logTold(options.job.id));
  }

  /** The worker that has begun the job. */
  get worker(): string | undefined {
    return this.#worker;
  }

  /** What the log has to be like still, so that a gateway may end it by what is known here. */
  get expected(): Expected {
    const { id } = this.job;
    const worker = this.#worker ?? this.sentTo;
    if (worker !== undefined) return { subject: logSubject(seatOf(worker), id), sequence: this.#lastOfWorker };
    // A log that holds something, and no beginning, begins no more.
    return this.#last === 0 ? unwritten(id) : unended(id);
  }

  /** Records that wait to be read. */
  get behind(): number {
    return this.#waiting.length;
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
    if (this.#isBehind) await this.#go();
  }

  /** Ends what readers get, with this event if there is one. */
  end(last?: JobEvent): void {
    if (this.#isOver) return;
    if (last) this.#options.writer.append(last);
    this.#isOver = true;
    this.#listen();
    this.#waiting = [];
    this.#hasGap = false;
    this.#options.writer.end();
    this.#tell();
    this.#options.onEnd();
  }

  /** Hears these subjects, and no others any more. */
  #listen(...subjects: readonly string[]): void {
    const before = this.#subscriptions;
    this.#subscriptions = subjects.map((subject) =>
      this.#options.connection.nats.subscribe(subject, {
        callback: (error, message) => {
          if (error) this.#options.logger.error({ error: String(error) }, 'the log of a job is not heard');
          else this.#hear(message);
        },
      }),
    );
    for (const subscription of before) subscription.unsubscribe();
  }

  #hear({ subject, data, headers }: Msg): void {
    if (this.#isOver) return;
    const isForeign = this.#isForeign(writerOf(subject));
    if (isForeign) this.#leaveOut();
    if (isForeign || this.#isFlood()) return;
    const sequence = Number(headers?.get('Nats-Sequence'));
    if (!Number.isSafeInteger(sequence) || sequence <= this.#last) return;
    if (this.#waiting.length < maxWaiting) this.#waiting.push({ sequence, writer: writerOf(subject), data });
    else this.#hasGap = true;
    void this.#go();
  }

  /** One worker does not take the time of a gateway from all others. */
  #isFlood(): boolean {
    const now = performance.now();
    if (now - this.#heardSince > 1000) {
      this.#heardSince = now;
      this.#heard = 0;
    }
    this.#heard++;
    if (this.#heard <= maxRecords) return false;
    this.#options.onFlood();
    return true;
  }

  /** There is something to take or to read. */
  get #isBehind(): boolean {
    return !this.#isOver && (this.#hasGap || this.#waiting.length > 0);
  }

  #go(): Promise<void> {
    this.#going ??= this.#work().finally(() => {
      this.#going = undefined;
      // It may have come after the work was done, and before this.
      if (!this.#isDeaf && this.#isBehind) void this.#go();
    });
    return this.#going;
  }

  async #work(): Promise<void> {
    let wasRead = false;
    this.#isDeaf = false;
    while (this.#isBehind) {
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
      const { id } = this.job;
      if (this.#worker === undefined) await this.#readFrom(logOfAll(id));
      if (this.#worker !== undefined)
        for (const writer of [seatOf(this.#worker), gatewayName]) await this.#readFrom(logSubject(writer, id));
      return true;
    } catch (error) {
      if (!(error instanceof JetStreamApiError) && !connection.isConnected) return false;
      logger.warn({ job: this.job.id, error: String(error) }, 'the log of a job was not read');
      return false;
    }
  }

  /** Reads what is stored under these subjects; of those of all writers only until it is known whose log it is. */
  async #readFrom(subject: string): Promise<void> {
    const isOfAll = subject === logOfAll(this.job.id);
    const { direct } = await jetstreamManager(this.#options.connection.nats, { checkAPI: false });
    for (let more = true; more && !this.#isOver && !(isOfAll && this.#worker !== undefined); ) {
      more = false;
      const query = { seq: this.#last + 1, next_by_subj: subject, batch, max_bytes: batchBytes };
      try {
        for await (const { seq, subject, data } of await direct.getBatch(logStream, query)) {
          if (seq <= this.#last) continue;
          this.#take({ sequence: seq, writer: writerOf(subject), data }, true);
          if (this.#isFlood()) return;
          more = true;
        }
      } catch (error) {
        // No record after the last one.
        if (!/not found/i.test(String((error as Error).message))) throw error;
      }
    }
  }

  /** False: it does not follow the record before it. */
  #take({ sequence, writer, data }: Stored, isRead: boolean): boolean {
    // It does not count: what is missing before it is still to be read.
    if (this.#isForeign(writer)) return true;
    let record: ReturnType<typeof readRecord>;
    try {
      record = readRecord(data);
    } catch {
      record = { owner: this.job.owner, after: this.#last, events: [] };
    }
    // One that carries the events of the record before it again may come without that one.
    if (record.after > this.#last && !isRead) return false;
    this.#last = sequence;
    this.heardAt = performance.now();
    if (record.owner !== this.job.owner) this.end();
    else if (record.piece) this.#takePiece(record.piece, writer);
    else for (const event of record.events ?? []) this.#takeEvent(event, writer);
    if (writer === seatOf(this.#worker ?? this.sentTo ?? '')) {
      this.#lastOfWorker = sequence;
      this.toldAt = this.heardAt;
    }
    this.#tell();
    return true;
  }

  /** Whether the job is not of the worker that writes under this name. */
  #isForeign(writer: string): boolean {
    return this.#worker !== undefined && writer !== seatOf(this.#worker) && writer !== gatewayName;
  }

  /** A record of a worker that the job is not of. */
  #leaveOut(): void {
    if (++this.#foreign !== maxForeign) return;
    const { id } = this.job;
    this.#options.logger.warn({ job: id }, 'another worker writes to the log of a job: it is not heard any more');
    this.#listen(...[seatOf(this.#worker!), gatewayName].map((writer) => logToldBy(writer, id)));
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
