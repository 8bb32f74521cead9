import { type FairKey, type Logger, newId } from '../../core/index.ts';
import type { EventLog, EventWriter, NumberedEvent } from '../../event-log/index.ts';
import { type Job, type JobEvent, jobFault, memoryJobLog } from '../../runner/index.ts';
import type { Connection } from '../connection.ts';
import { seatOf } from '../subjects.ts';
import { Chain, unended, unwritten } from './chain.ts';
import { leavesSomething, writeDone } from './done.ts';
import { LogWriter } from './log-writer.ts';
import { eventBytes, recordOf } from './record.ts';

export interface WorkerLogOptions {
  readonly connection: Connection;
  /** Id of this worker. */
  readonly worker: string;
  /** The log of this job was ended elsewhere: what it still does reaches no one, and it has to end. */
  readonly fenced: (job: string) => void;
  readonly logger: Logger;
}

/** A job that may write here. */
interface Begun {
  readonly job: Job;
  readonly chain: Chain;
  /** Whether its log was won, with its first event; undefined: no other worker may have it. */
  readonly claim: Promise<boolean> | undefined;
  /** Resolves when all that it tells is stored, or not wanted. */
  readonly whole: PromiseWithResolvers<void>;
}

/** The events of the jobs of this worker: in its memory, and from there in the logs on the server. */
export class WorkerLog implements EventLog<JobEvent> {
  readonly #options: WorkerLogOptions;
  readonly #memory = memoryJobLog();
  readonly #begun = new Map<string, Begun>();
  readonly #closed = new AbortController();
  /** Tells the records of this process from those of an earlier one in its seat. */
  readonly #process = newId();

  constructor(options: WorkerLogOptions) {
    this.#options = options;
  }

  /**
   * Begins the log of a job that other workers may have, too: one of them wins, and it alone may run the job. Waits for the server.
   * False: another process has begun or ended it. What is told of the job meanwhile is kept, and written once the log is won.
   */
  claim(job: Job): Promise<boolean> {
    const chain = this.#chain(job);
    const started: NumberedEvent<JobEvent> = { number: 1, event: { type: 'started', worker: this.#options.worker } };
    const first = recordOf(job.owner, 0, [eventBytes(started)]);
    const claim = chain.write(first, unwritten(job.id), this.#closed.signal);
    const begun = { job, chain, claim, whole: Promise.withResolvers<void>() };
    this.#begun.set(job.id, begun);
    const lost = () => {
      if (this.#begun.get(job.id) === begun && !this.find(keyOf(job))) this.#begun.delete(job.id);
    };
    claim.then((isWon) => isWon || lost(), lost);
    return claim;
  }

  /** A job that was sent to this worker alone is about to begin: its log begins with its first event. */
  expect(job: Job): void {
    if (this.#begun.has(job.id) || this.find(keyOf(job))) return;
    this.#begun.set(job.id, { job, chain: this.#chain(job), claim: undefined, whole: Promise.withResolvers() });
  }

  /** A job that was expected or claimed does not begin. A claimed one ends with this error. */
  async refuse(job: Job, error: unknown): Promise<void> {
    const begun = this.#begun.get(job.id);
    if (!begun || this.find(keyOf(job))) return;
    const failed = eventBytes({ number: 2, event: { type: 'failed', error: jobFault(error) } });
    if (await begun.claim)
      await begun.chain.write(recordOf(job.owner, begun.chain.last, [failed]), unended(job.id), this.#closed.signal);
    this.#begun.delete(job.id);
    begun.whole.resolve();
  }

  /** Jobs whose events are not all stored yet. */
  get open(): number {
    return this.#begun.size;
  }

  /** Resolves when all events of a job are stored, or not wanted. */
  async whole(job: string): Promise<void> {
    await this.#begun.get(job)?.whole.promise;
  }

  /** Resolves when all events of the jobs that are here now are stored. */
  async settled(): Promise<void> {
    await Promise.all([...this.#begun.values()].map(({ whole }) => whole.promise));
  }

  create(key: FairKey): EventWriter<JobEvent> {
    const writer = this.#memory.create(key);
    const begun = this.#begun.get(key.id);
    if (begun) void this.#write(begun, this.#memory.read(key, begun.claim ? 1 : 0));
    return begun?.claim ? afterStarted(writer) : writer;
  }

  find(key: FairKey) {
    return this.#memory.find(key);
  }

  read(key: FairKey, after: number, signal?: AbortSignal): AsyncIterable<NumberedEvent<JobEvent>> {
    return this.#memory.read(key, after, signal);
  }

  delete(key: FairKey): void {
    this.#memory.delete(key);
  }

  /** Gives up what is not stored yet. */
  close(): void {
    this.#closed.abort(new Error('the log is closed'));
  }

  #chain({ id }: Job): Chain {
    const { connection, worker } = this.#options;
    return new Chain(connection, seatOf(worker), id, `${id}.${this.#process}`);
  }

  async #write({ job, chain, claim, whole }: Begun, events: AsyncIterable<NumberedEvent<JobEvent>>): Promise<void> {
    const { connection, worker, logger, fenced } = this.#options;
    const until = this.#closed.signal;
    const done: Promise<void>[] = [];
    const noted = async function* () {
      for await (const numbered of events) {
        const { event } = numbered;
        // Written while the ending is: a gateway that dies now loses nothing.
        if (event.type === 'ended' && leavesSomething(job, event))
          done.push(writeDone(connection, worker, job, event, until));
        yield numbered;
      }
    };
    try {
      if (claim && !(await claim)) {
        // It belongs to another process: what would have run here reaches no one.
        fenced(job.id);
        this.delete(keyOf(job));
        return;
      }
      if (!(await new LogWriter(chain, job, claim !== undefined, noted()).run(until))) {
        logger.warn({ job: job.id }, 'the log of a job was ended by a gateway');
        fenced(job.id);
      }
      await Promise.all(done);
    } catch (error) {
      if (!until.aborted) {
        logger.error({ job: job.id, error: String(error) }, 'the log of a job was not written');
        fenced(job.id);
      }
    } finally {
      this.#begun.delete(job.id);
      whole.resolve();
    }
  }
}

/** Jobs name their owner, as the worker's runner does in its keys. */
function keyOf({ id, owner }: Job): FairKey {
  return { tenant: '', principalId: owner, id };
}

/** A log whose first event was written by the claim. */
function afterStarted(writer: EventWriter<JobEvent>): EventWriter<JobEvent> {
  return {
    get last() {
      return writer.last;
    },
    append: (event) => (writer.last === 0 && event.type !== 'started' ? writer.append(event, 2) : writer.append(event)),
    end: () => writer.end(),
  };
}
