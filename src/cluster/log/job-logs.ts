import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { DragomanError, type Logger, newId, within } from '../../core/index.ts';
import type { NumberedEvent } from '../../event-log/index.ts';
import { type JobEvent, type JobRef, memoryJobLog } from '../../runner/index.ts';
import type { Connection } from '../connection.ts';
import type { WorkerTable } from '../leases/worker-table.ts';
import type { JobEvents } from '../runner/job-events.ts';
import { gatewayName, logOfAll, logStream, seatOf } from '../subjects.ts';
import { Chain, type Expected, unended } from './chain.ts';
import { Follower } from './follower.ts';
import { eventBytes, recordOf } from './record.ts';
import { ensureStreams } from './streams.ts';

export interface JobLogsOptions {
  readonly connection: Connection;
  readonly workers: Pick<WorkerTable, 'find' | 'onGone'>;
  readonly logger: Logger;
}

/** How often the logs are looked after. */
const sweepMs = 1000;
/** A log that is silent for so long is read, in case records were not heard. */
const silentMs = 5000;
/** The first event of a job that another gateway has taken is waited for as long as this. */
const unknownMs = 60_000;
/** A job was sent to a worker that is gone now and has told nothing: it may be sent to another one until then. */
const resentMs = 10_000;
/** No job waits so long for its beginning. */
const unbegunMs = 60 * 60_000;
/** After the server was away, workers have this long to come back before one of them is taken for dead. */
const graceMs = 6000;
/** Without the server for so long, it is not known any more what became of a job: its worker has given up by then, too. */
const aloneMs = 150_000;
/** A job that is cancelled may still store files for so long. */
const endMs = 60_000;
/** A worker writes to the log of what it runs every two minutes at the latest. */
const untoldMs = 5 * 60_000;
const writeMs = 10_000;
const maxTries = 5;
/** How long the record of a job's beginning may be on its way, and how often it is looked for. */
const beginningMs = 1500;
const lookAgainMs = 10;

/** What a gateway knows of jobs, its own and those of other gateways: their logs on the server, and copies of them in memory. */
export class JobLogs implements JobEvents {
  readonly #options: JobLogsOptions;
  readonly #memory = memoryJobLog();
  readonly #followers = new Map<string, Follower>();
  /** Jobs whose end a gateway is writing. */
  readonly #ending = new Set<string>();
  #stops: (() => void)[] = [];
  #lostAt: number | undefined;
  #lost = 0;

  constructor(options: JobLogsOptions) {
    this.#options = options;
  }

  /** Makes what is missing on the server, and begins to look after jobs of workers that are gone. */
  async start(): Promise<void> {
    const { connection, workers, logger } = this.#options;
    await ensureStreams(connection);
    const sweeper = setInterval(() => this.#sweep(), sweepMs);
    sweeper.unref();
    this.#stops = [
      () => clearInterval(sweeper),
      workers.onGone((worker) => {
        for (const follower of this.#followers.values()) if (follower.worker === worker) void this.#lose(follower);
      }),
      connection.onChange((isConnected) => {
        this.#lostAt = isConnected ? undefined : performance.now();
        if (!isConnected) return;
        // The server may have lost them with its disk.
        ensureStreams(connection)
          .catch((error) => logger.error({ error: String(error) }, 'streams are not made'))
          .finally(() => {
            for (const follower of this.#followers.values()) void follower.look();
          });
      }),
    ];
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
    for (const follower of [...this.#followers.values()]) follower.end();
  }

  /** @throws DragomanError conflict when it is known already, unless it was sent to a worker and has not begun there */
  follow(job: JobRef, worker?: string): void {
    const known = this.#followers.get(job.id);
    if (known && known.last === 0 && known.sentTo !== undefined && worker !== undefined) {
      known.sentTo = worker;
      known.sentAt = performance.now();
      return;
    }
    if (known || this.#memory.find(keyOf(job))) throw new DragomanError('conflict');
    this.#begin(job).sentTo = worker;
  }

  forget(jobId: string): void {
    const follower = this.#followers.get(jobId);
    if (!follower || follower.last > 0) return;
    follower.end();
    this.#memory.delete(keyOf(follower.job));
  }

  async *events(job: JobRef, after: number, signal?: AbortSignal): AsyncGenerator<NumberedEvent<JobEvent>> {
    if (!this.#memory.find(keyOf(job))) {
      const follower = this.#followers.get(job.id) ?? this.#begin(job);
      if (follower.job.owner !== job.owner) return;
      await this.#first(follower, signal);
    }
    if (!signal?.aborted) yield* this.#memory.read(keyOf(job), after, signal);
  }

  async workerOf(jobId: string): Promise<string | undefined> {
    const follower = this.#followers.get(jobId);
    if (follower && follower.worker === undefined) await follower.look();
    // It has the job, and may not have told yet that it begins.
    return follower?.worker ?? follower?.sentTo;
  }

  /**
   * The seat of the worker that has begun a job, whichever gateway took it; it is waited for, as the worker may ask for something with the
   * record that says so on its way. Undefined: none has begun it, or the server does not say.
   */
  async seatOf(jobId: string): Promise<string | undefined> {
    const begun = this.#followers.get(jobId)?.worker;
    if (begun !== undefined) return seatOf(begun);
    const { direct } = await jetstreamManager(this.#options.connection.nats, { checkAPI: false });
    const until = performance.now() + beginningMs;
    for (;;) {
      const query = { seq: 1, next_by_subj: logOfAll(jobId) };
      const first = await direct.getMessage(logStream, query).catch(() => null);
      if (first) return first.subject.split('.')[2];
      if (performance.now() > until) return undefined;
      await sleep(lookAgainMs);
    }
  }

  /** Jobs whose logs are followed. */
  get followed(): number {
    return this.#followers.size;
  }

  /** Records of them that wait to be read. */
  get behind(): number {
    return this.#followers.values().reduce((sum, follower) => sum + follower.behind, 0);
  }

  /** Jobs that were ended here because their workers were lost. */
  get lost(): number {
    return this.#lost;
  }

  /** The follower of a job that has not ended. */
  find(jobId: string): Follower | undefined {
    return this.#followers.get(jobId);
  }

  /** Ends the log of a job that no worker has begun. False: one has, or it has ended. Waits for the server. */
  async endUnbegun(jobId: string, event: JobEvent, until?: AbortSignal): Promise<boolean> {
    const follower = this.#followers.get(jobId);
    if (!follower || follower.worker !== undefined) return false;
    return this.#write(follower, { number: 1, event }, follower.expected, until);
  }

  mayHave(jobId: string): void {
    const follower = this.#followers.get(jobId);
    if (follower) follower.sentAt = Number.NEGATIVE_INFINITY;
  }

  endsSoon(jobId: string): void {
    const follower = this.#followers.get(jobId);
    if (follower) follower.endBy ??= performance.now() + endMs;
  }

  /** Ends a job whose worker says nothing that is of use; what it still says reaches no one. */
  #giveUp(follower: Follower): void {
    const ending = follower.lostEnding();
    const { id } = follower.job;
    this.#options.logger.warn(
      { job: id, worker: follower.worker },
      'a job is given up: its worker does not keep to the rules',
    );
    this.#lost++;
    follower.end(ending.event);
    // Its worker is fenced, and other gateways hear of it.
    this.#write(follower, ending, unended(id), AbortSignal.timeout(writeMs)).catch((error) =>
      this.#options.logger.warn({ job: id, error: String(error) }, 'the end of a lost job was not written'),
    );
  }

  /** Waits for the first event of a job that this gateway has not taken. */
  async #first(follower: Follower, signal: AbortSignal | undefined): Promise<void> {
    await follower.look();
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    signal?.addEventListener('abort', () => leave(), { once: true });
    const until = performance.now() + unknownMs;
    while (!follower.isOver && follower.last === 0 && !signal?.aborted) {
      const ms = until - performance.now();
      if (ms <= 0) break;
      await within(Promise.race([follower.news, left]), ms);
    }
    if (follower.last > 0) return;
    follower.end();
    this.#memory.delete(keyOf(follower.job));
  }

  #begin(job: JobRef): Follower {
    const { connection, logger } = this.#options;
    const { id, owner } = job;
    const follower: Follower = new Follower({
      connection,
      job: { id, owner },
      writer: this.#memory.create(keyOf(job)),
      onEnd: () => {
        if (this.#followers.get(id) === follower) this.#followers.delete(id);
      },
      onFlood: () => this.#giveUp(follower),
      logger,
    });
    this.#followers.set(id, follower);
    return follower;
  }

  #sweep(): void {
    const { connection, workers } = this.#options;
    const now = performance.now();
    for (const follower of this.#followers.values()) {
      if (this.#lostAt !== undefined) {
        if (now - this.#lostAt > aloneMs) follower.end(follower.lostEnding().event);
        continue;
      }
      if (follower.worker === undefined && now - follower.begunAt > unbegunMs) {
        this.forget(follower.job.id);
        continue;
      }
      const silent = now - follower.heardAt;
      const worker = follower.worker ?? follower.sentTo;
      const isGone = worker !== undefined && connection.connectedMs > graceMs && !workers.find(worker);
      if (isGone && (follower.worker !== undefined || now - follower.sentAt > resentMs)) void this.#lose(follower);
      else if (now > (follower.endBy ?? now) || (follower.worker !== undefined && now - follower.toldAt > untoldMs))
        this.#giveUp(follower);
      else if (silent > silentMs) {
        follower.heardAt = now;
        void follower.look();
      }
    }
  }

  /** Ends the log of a job whose worker is gone: from then on the worker can write nothing to it, should it come back. */
  async #lose(follower: Follower): Promise<void> {
    const { id } = follower.job;
    if (this.#ending.has(id)) return;
    this.#ending.add(id);
    try {
      for (let attempt = 1; attempt <= maxTries; attempt++) {
        // What the worker has told before is in the server.
        await follower.look();
        if (follower.isOver) return;
        const until = AbortSignal.timeout(writeMs);
        if (await this.#write(follower, follower.lostEnding(), follower.expected, until)) {
          this.#lost++;
          return await follower.look();
        }
      }
    } catch (error) {
      this.#options.logger.warn({ job: id, error: String(error) }, 'the end of a lost job was not written');
    } finally {
      this.#ending.delete(id);
    }
  }

  async #write(
    follower: Follower,
    event: NumberedEvent<JobEvent>,
    expected: Expected,
    until: AbortSignal | undefined,
  ): Promise<boolean> {
    const { id, owner } = follower.job;
    const chain = new Chain(this.#options.connection, gatewayName, id, `${id}.${newId()}`);
    return chain.write(recordOf(owner, follower.last, [eventBytes(event)]), expected, until);
  }
}

function keyOf({ id, owner }: JobRef) {
  return { tenant: '', principalId: owner, id };
}
