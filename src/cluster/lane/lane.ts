import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { JetStreamApiError, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { DragomanError, type Logger } from '../../core/index.ts';
import { type Job, type JobEvent, jobFault } from '../../runner/index.ts';
import type { Connection } from '../connection.ts';
import type { WorkerTable } from '../leases/worker-table.ts';
import type { JobLogs } from '../log/job-logs.ts';
import { encode } from '../message.ts';
import type { Lane } from '../runner/job-events.ts';
import { LostEnding } from '../runner/lost-ending.ts';
import { runStream, runSubject } from '../subjects.ts';

export interface SharedLaneOptions {
  readonly connection: Connection;
  readonly workers: Pick<WorkerTable, 'all'>;
  readonly logs: JobLogs;
  readonly logger: Logger;
  readonly now: () => number;
}

/** Bytes of a job that the queue takes. Others are sent to a worker that the gateway chooses. */
const maxJobBytes = 900 * 1024;
/** How long a new job waits for the server to come back. */
const comeBackMs = 2000;
const answerMs = 3000;
/** How often a job that found no slot looks again, and how many slots it tries each time. */
const againMs = 50;
const triesAtOnce = 8;
/** A job that no worker has begun is taken back this long after it must not begin any more: clocks differ. */
const takeBackMs = 1000;
/** How often it is looked at meanwhile. */
const lookMs = 1000;
/** Slots of one principal where no worker is known yet. */
const fewestPlaces = 4;
/** How often the length of the queue follows the number of places. */
const resizeMs = 2000;
/** Jobs in the queue to one place, those that run included: who has to wait longer waits at the gateway, in turn. */
const queuedToOnePlace = 1.5;
/** The server's words for its two reasons to take no more; their code is the same. */
const slotTaken = /per subject/;
const full = 10077;

/** A job of this gateway that no worker has begun, as far as is known. */
interface Waiting {
  readonly job: Job;
  readonly withdrawn: AbortController;
  /** Of its message; undefined: it is in no slot yet. */
  sequence: number | undefined;
  /** How it is to end before a worker begins it. */
  end: JobEvent | undefined;
}

/**
 * The queue of jobs that any worker may run. A principal has as many slots in it, of each tier, as it may have jobs that run, and each slot holds one job
 * until that has ended: whatever one principal sends, others find their slots free.
 */
export class SharedLane implements Lane {
  readonly #options: SharedLaneOptions;
  readonly #waiting = new Map<string, Waiting>();
  #resizing: NodeJS.Timeout | undefined;
  #size = 0;
  #refused = 0;

  constructor(options: SharedLaneOptions) {
    this.#options = options;
  }

  start(): void {
    this.#resizing = setInterval(() => void this.#resize(), resizeMs);
    this.#resizing.unref();
    void this.#resize();
  }

  /** Jobs of this gateway that no worker has begun. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** How often one was not taken by the server at once, as a rule because no slot was free. */
  get refused(): number {
    return this.#refused;
  }

  close(): void {
    clearInterval(this.#resizing);
    for (const { withdrawn } of this.#waiting.values()) withdrawn.abort();
  }

  takes(job: Job): boolean {
    const texts = job.code.length + (job.stdin?.length ?? 0);
    return texts < maxJobBytes && encode(job).length <= maxJobBytes;
  }

  /**
   * Takes a job, and puts it into a slot as soon as there is one. How it goes on is in its log, also that it found no worker in time.
   * @throws DragomanError conflict; overloaded when the server is away
   */
  async submit(job: Job): Promise<void> {
    const { connection, logs } = this.#options;
    const until = performance.now() + comeBackMs;
    while (!connection.isConnected) {
      if (performance.now() > until)
        throw new DragomanError('overloaded', { message: 'The queue is not available.', retryAfterSeconds: 2 });
      await sleep(againMs);
    }
    logs.follow(job);
    const waiting = { job, withdrawn: new AbortController(), sequence: undefined, end: undefined };
    this.#waiting.set(job.id, waiting);
    void this.#see(waiting);
  }

  async withdraw(jobId: string): Promise<boolean> {
    const waiting = this.#waiting.get(jobId);
    if (!waiting) return false;
    const ending = new LostEnding().ending();
    waiting.end = { ...ending, result: { ...ending.result, outcome: 'cancelled' } };
    const isBack = await this.#takeBack(waiting, waiting.end);
    // It is tried again as long as the server is away.
    const follower = this.#options.logs.find(jobId);
    return isBack || (follower !== undefined && follower.worker === undefined && this.#waiting.has(jobId));
  }

  /** Brings a job into the queue, and sees that it begins or ends. Never rejects. */
  async #see(waiting: Waiting): Promise<void> {
    const { logs, logger, now } = this.#options;
    const { job } = waiting;
    const late = new DragomanError('overloaded', { message: 'No worker was free in time.', retryAfterSeconds: 2 });
    const spoiled = new DragomanError('overloaded', { message: 'The run could not begin.', retryAfterSeconds: 1 });
    try {
      void this.#queue(waiting).catch((error) => {
        logger.error({ job: job.id, error: String(error) }, 'a job was not brought into the queue');
        waiting.end ??= { type: 'failed', error: jobFault(error) };
      });
      for (;;) {
        const follower = logs.find(job.id);
        if (!follower || follower.worker !== undefined) return;
        // Something was written to its log that is no beginning: no worker can begin it any more.
        if (follower.last > 0) waiting.end ??= { type: 'failed', error: jobFault(spoiled) };
        const left = job.deadline + takeBackMs - now();
        if (left <= 0) waiting.end ??= { type: 'failed', error: jobFault(late) };
        if (waiting.end && (await this.#takeBack(waiting, waiting.end))) return;
        const ms = waiting.end ? againMs : Math.min(left, lookMs);
        await Promise.race([follower.news, sleep(ms, undefined, { ref: false })]);
      }
    } finally {
      this.#waiting.delete(job.id);
    }
  }

  /** Puts a job into a free slot. Resolves also when its time is over before. */
  async #queue(waiting: Waiting): Promise<void> {
    const { job, withdrawn } = waiting;
    const { connection, now } = this.#options;
    const stream = jetstream(connection.nats);
    const owner = createHash('sha256').update(job.owner).digest('base64url').slice(0, 16);
    const bytes = encode(job);
    let slot = Math.floor(Math.random() * this.#slots);
    for (let tries = 1; now() < job.deadline && this.#waiting.has(job.id); tries++) {
      if (tries > 1) this.#refused++;
      try {
        const options = { msgID: job.id, timeout: answerMs };
        const stored = await stream.publish(runSubject(job.tier, owner, slot % this.#slots), bytes, options);
        waiting.sequence = stored.seq;
        // It was taken back before the server said where it is.
        if (withdrawn.signal.aborted) await this.#remove(waiting);
        return;
      } catch (error) {
        if (!(error instanceof JetStreamApiError)) {
          if (connection.nats.isClosed()) throw error;
          // It may be stored. With its id it is stored once, wherever it goes next.
          await sleep(againMs);
        } else if (error.code !== full) throw error;
        else if (!slotTaken.test(error.message) || tries % Math.min(triesAtOnce, this.#slots) === 0)
          await sleep(againMs + Math.random() * againMs);
        slot++;
      }
    }
  }

  /** Ends a job that no worker has begun: no worker can begin it from then on. False: one has, or the server is away. */
  async #takeBack(waiting: Waiting, event: JobEvent): Promise<boolean> {
    const { logs } = this.#options;
    const { job, withdrawn } = waiting;
    const isBack = await logs.endUnbegun(job.id, event, AbortSignal.timeout(answerMs)).catch(() => false);
    // Also what was written and not heard of is there.
    await logs.find(job.id)?.look();
    if (!isBack) return false;
    withdrawn.abort();
    await this.#remove(waiting);
    return true;
  }

  /** Makes its slot free. A worker that has the message already finds the log ended, and forgets it. */
  async #remove({ sequence }: Waiting): Promise<void> {
    if (sequence === undefined) return;
    const { streams } = await jetstreamManager(this.#options.connection.nats, { checkAPI: false });
    // It may be acknowledged by now.
    await streams.deleteMessage(runStream, sequence, false).catch(() => {});
  }

  get #places(): number {
    const places = this.#options.workers.all().reduce((sum, { places: each }) => sum + each, 0);
    return Math.max(fewestPlaces, places);
  }

  /** Of each principal: one place in four is left for another one. */
  get #slots(): number {
    return Math.max(1, Math.floor(this.#places * 0.75));
  }

  async #resize(): Promise<void> {
    const size = Math.ceil(this.#places * queuedToOnePlace);
    if (size === this.#size || !this.#options.connection.isConnected) return;
    try {
      const { streams } = await jetstreamManager(this.#options.connection.nats, { checkAPI: false });
      await streams.update(runStream, { max_msgs: size });
      this.#size = size;
    } catch (error) {
      this.#options.logger.warn({ error: String(error) }, 'the length of the queue was not set');
    }
  }
}
