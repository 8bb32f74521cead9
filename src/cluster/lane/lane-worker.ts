import type { Msg } from '@nats-io/transport-node';
import { DragomanError, type Logger, type Tier } from '../../core/index.ts';
import type { Job } from '../../runner/index.ts';
import type { Connection } from '../connection.ts';
import type { WorkerLog } from '../log/worker-log.ts';
import { decode } from '../message.ts';
import { seatOf } from '../subjects.ts';
import { Pulls } from './pulls.ts';

export interface LaneWorkerOptions {
  readonly connection: Connection;
  /** Id of this worker. */
  readonly worker: string;
  readonly runner: {
    /** Begins a job; none of its code is run before `permit` resolves, and nothing where it rejects. @throws DragomanError as `Runner.submit` */
    submit(job: Job, permit: Promise<void>): Promise<void>;
  };
  /** It takes jobs of these alone. */
  readonly tiers: readonly Tier[];
  readonly log: WorkerLog;
  /** Places for jobs that are free now, those of jobs that `runner` has not been given yet included. */
  readonly free: () => number;
  readonly logger: Logger;
  readonly now: () => number;
}

/** How often the worker says that it still has a job: the server gives it to another one after some missed beats. */
const beatMs = 1000;
/** How often free places are looked for that no job of the queue has left. */
const lookMs = 250;
/** A job that this worker cannot take goes to another one after this. */
const elsewhereMs = 50;
/** A job of a later version than this worker's. */
const unreadableMs = 1000;

const acknowledged = Buffer.from('+ACK');
const inProgress = Buffer.from('+WPI');
const elsewhere = (ms: number) => Buffer.from(`-NAK {"delay": ${ms * 1_000_000}}`);

/** Takes jobs from the shared queue, one for each free place, and runs those of which it wins the log. */
export class LaneWorker {
  readonly #options: LaneWorkerOptions;
  readonly #pulls: Pulls;
  /** Jobs that it has from the queue, with where to acknowledge each. */
  readonly #jobs = new Map<string, { reply: string }>();
  /** Of those, jobs that the runner has not got yet. */
  #beginning = 0;
  #claimsLost = 0;
  #timers: NodeJS.Timeout[] = [];
  #isDraining = false;

  constructor(options: LaneWorkerOptions) {
    this.#options = options;
    const { connection, worker, logger } = options;
    this.#pulls = new Pulls({
      connection,
      seat: seatOf(worker),
      take: (message) => void this.#take(message),
      over: () => this.#fill(),
      logger,
    });
  }

  start(): void {
    this.#pulls.start();
    this.#timers = [setInterval(() => this.#beat(), beatMs), setInterval(() => this.#fill(), lookMs)];
    this.#fill();
  }

  /** Jobs of the queue that are here. */
  get running(): number {
    return this.#jobs.size;
  }

  /** Places that wait for one. */
  get pulling(): number {
    return Math.max(0, ...this.#options.tiers.map((tier) => this.#pulls.open(tier)));
  }

  /** Jobs of which another process had won the log. */
  get claimsLost(): number {
    return this.#claimsLost;
  }

  /** Takes nothing more: what still comes goes to other workers. */
  drain(): void {
    this.#isDraining = true;
  }

  close(): void {
    this.#isDraining = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#pulls.close();
  }

  #fill(): void {
    if (this.#isDraining) return;
    // A place is offered to each tier. Where two come for it, one goes to another worker.
    for (const tier of this.#options.tiers) {
      for (let missing = this.#free() - this.#pulls.open(tier); missing > 0; missing--) this.#pulls.pull(tier);
    }
  }

  #free(): number {
    return this.#options.free() - this.#beginning;
  }

  async #take({ data, reply = '' }: Msg): Promise<void> {
    const { logger, now } = this.#options;
    let job: Job;
    try {
      job = decode<Job>(data);
    } catch (error) {
      // Another worker may know this version. If none does, the gateway takes the job back.
      logger.warn({ error: String(error) }, 'a job of the queue cannot be read');
      this.#say(reply, elsewhere(unreadableMs));
      return;
    }
    const known = this.#jobs.get(job.id);
    if (known) {
      // This worker stood still for a while, and the server gave the job to another one, here: the latest delivery counts.
      known.reply = reply;
      return;
    }
    if (now() > job.deadline) this.#say(reply, acknowledged);
    else if (this.#isDraining || this.#free() <= 0 || !this.#options.tiers.includes(job.tier))
      this.#say(reply, elsewhere(elsewhereMs));
    else await this.#run(job, reply);
    this.#fill();
  }

  async #run(job: Job, reply: string): Promise<void> {
    const { log, runner, logger } = this.#options;
    const entry = { reply };
    this.#jobs.set(job.id, entry);
    this.#beginning++;
    let isBeginning = true;
    const begun = () => {
      if (isBeginning) this.#beginning--;
      isBeginning = false;
    };
    let answer = acknowledged;
    try {
      // Nothing of its code is run before its log is won, whatever the queue says. Its sandbox is made ready meanwhile.
      const claimed = log.claim(job);
      const permit = won(claimed);
      permit.catch(() => {});
      const submitted = runner.submit(job, permit).catch((error) => log.refuse(job, error));
      void submitted.then(begun);
      if (!(await claimed)) {
        this.#claimsLost++;
        return;
      }
      await submitted;
      await log.whole(job.id);
    } catch (error) {
      logger.error({ job: job.id, error: String(error) }, 'a job of the queue was not run');
      answer = elsewhere(elsewhereMs);
    } finally {
      begun();
      this.#jobs.delete(job.id);
      this.#say(entry.reply, answer);
    }
  }

  #beat(): void {
    for (const { reply } of this.#jobs.values()) this.#say(reply, inProgress);
  }

  #say(reply: string, what: Uint8Array): void {
    const { connection } = this.#options;
    if (!connection.nats.isClosed()) connection.nats.publish(reply, what);
  }
}

/** @throws DragomanError conflict when the log of the job belongs to another process */
async function won(claimed: Promise<boolean>): Promise<void> {
  if (!(await claimed)) throw new DragomanError('conflict', { message: 'The job was begun or ended elsewhere.' });
}
