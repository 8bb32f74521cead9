import {
  DragomanError,
  type Tier,
  type TierState,
  type ToolResult,
  tiers,
  type UsageNow,
  within,
} from '../../core/index.ts';
import type { NumberedEvent } from '../../event-log/index.ts';
import {
  type AnswerCheck,
  type Collected,
  type CommandRunner,
  type Job,
  type JobEvent,
  type JobInput,
  type JobRef,
  type Language,
  type LanguageVersions,
  type LiveState,
  type Runner,
  type RunnerCensus,
  type SandboxFileRunner,
  type SavedState,
  type SessionOrder,
  type SessionRef,
  type StateSave,
  WorkerGone,
} from '../../runner/index.ts';
import type { WorkerCalls } from '../calls/worker-calls.ts';
import type { WorkerTable } from '../leases/worker-table.ts';
import type { JobEvents, Lane } from './job-events.ts';
import { Placing } from './placing.ts';
import { orGone, RemoteCommands } from './remote-commands.ts';
import { RemoteFiles } from './remote-files.ts';

export interface ClusterRunnerOptions {
  readonly calls: WorkerCalls;
  readonly workers: WorkerTable;
  readonly log: JobEvents;
  /** Where jobs without a session go, unless they are too large for it. */
  readonly lane: Lane;
}

/** How often a job without a session is offered to another worker, where one refuses it. */
const maxOffers = 5;
/** A worker that does not say in this time what it holds is left out of what operators see. */
const censusMs = 3000;

/** A `Runner` over workers elsewhere. What concerns a session goes to the session's worker, and nowhere else. */
export class ClusterRunner implements Runner {
  readonly #calls: WorkerCalls;
  readonly #workers: WorkerTable;
  readonly #placing: Placing;
  readonly #log: JobEvents;
  readonly #lane: Lane;
  readonly commands: CommandRunner;
  readonly sandboxFiles: SandboxFileRunner;
  #languages: Promise<readonly Language[]> | undefined;
  #versions: Promise<LanguageVersions> | undefined;

  constructor({ calls, workers, log, lane }: ClusterRunnerOptions) {
    this.#calls = calls;
    this.#workers = workers;
    this.#placing = new Placing(workers);
    this.#log = log;
    this.#lane = lane;
    this.commands = new RemoteCommands(calls);
    this.sandboxFiles = new RemoteFiles(calls);
  }

  languages(): Promise<readonly Language[]> {
    this.#languages ??= this.#ofAny<readonly Language[]>('languages').catch((error) => {
      this.#languages = undefined;
      throw error;
    });
    return this.#languages;
  }

  versions(): Promise<LanguageVersions> {
    this.#versions ??= this.#ofAny<LanguageVersions>('versions').catch((error) => {
      this.#versions = undefined;
      throw error;
    });
    return this.#versions;
  }

  async fault(): Promise<string | null> {
    const workers = this.#workers.all();
    if (workers.length === 0) return 'no worker is there';
    const faults = await Promise.all(
      workers.map(({ worker }) =>
        within(
          orGone(() => this.#calls.call<string | null>(worker, 'fault', null), 'it is gone'),
          censusMs,
        ),
      ),
    );
    // One that can run code is enough.
    const first = faults.find((fault) => fault !== null);
    return faults.includes(null) ? null : (first ?? 'no worker answers');
  }

  /** What one worker has is there; of several the slowest tells the pace. */
  async tiers(): Promise<readonly TierState[]> {
    const leases = this.#workers.all();
    const told = leases.flatMap((lease) => lease.tiers);
    return tiers.flatMap((tier) => {
      const states = told.filter((state) => state.tier === tier);
      const there = states.filter(({ fault }) => fault === null);
      if (there.length === 0) return states.slice(0, 1);
      return [{ tier, fault: null, pace: Math.max(...there.map(({ pace = 1 }) => pace)) }];
    });
  }

  async submit(job: Job): Promise<void> {
    if (job.session) return this.#send(job, job.session.worker);
    if (this.#lane.takes(job)) return this.#lane.submit(job);
    for (let offer = 1; ; offer++) {
      try {
        return await this.#send(job, await this.#placing.choose(null, job.tier));
      } catch (error) {
        if (!(error instanceof WorkerGone) || offer === maxOffers) throw error;
      }
    }
  }

  events(job: JobRef, after: number, signal?: AbortSignal): AsyncIterable<NumberedEvent<JobEvent>> {
    return this.#log.events(job, after, signal);
  }

  async checkAnswer(jobId: string, results: readonly ToolResult[]): Promise<AnswerCheck> {
    return this.#ofJob(jobId, (worker) => this.#calls.call(worker, 'checkAnswer', { job: jobId, results }));
  }

  async answer(jobId: string, results: readonly ToolResult[]): Promise<void> {
    await this.#ofJob(jobId, (worker) => this.#calls.call(worker, 'answer', { job: jobId, results }));
  }

  async interrupt(jobId: string): Promise<void> {
    await this.#end(jobId, 'interrupt');
  }

  async cancel(jobId: string): Promise<void> {
    await this.#end(jobId, 'cancel');
  }

  placeSession(current: string | null, tier: Tier | null): Promise<string> {
    return this.#placing.choose(current, tier);
  }

  leaving(listener: (worker: string, why: 'ends' | 'memory') => void): () => void {
    const stops = [
      this.#workers.onDraining((worker) => listener(worker, 'ends')),
      this.#workers.onShort((worker) => listener(worker, 'memory')),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  async sessions(sessions: readonly SessionRef[]): Promise<readonly LiveState[]> {
    const byWorker = Map.groupBy(sessions, ({ worker }) => worker);
    const ask = ([worker, refs]: [string, SessionRef[]]) =>
      orGone(() => this.#calls.call<readonly LiveState[]>(worker, 'sessions', refs), []);
    return (await Promise.all([...byWorker].map(ask))).flat();
  }

  async census(): Promise<RunnerCensus> {
    const asked = this.#workers.all().map(({ worker }) =>
      within(
        this.#calls.call<RunnerCensus>(worker, 'census', null).catch(() => undefined),
        censusMs,
      ),
    );
    const told = (await Promise.all(asked)).filter((each) => each !== undefined);
    const byTier = Map.groupBy(
      told.flatMap((census) => census.tiers),
      ({ tier }) => tier,
    );
    const sum = (counts: readonly number[]) => counts.reduce((total, each) => total + each, 0);
    return {
      tiers: [...byTier].map(([tier, counts]) => ({
        tier,
        live: sum(counts.map(({ live }) => live)),
        parked: sum(counts.map(({ parked }) => parked)),
      })),
      sessions: told.flatMap(({ sessions }) => sessions),
    };
  }

  usageNow(session: SessionRef): Promise<UsageNow | null> {
    return this.#ofSession(session, 'usageNow', session, null);
  }

  async keepSession(session: SessionRef, idleMs: number): Promise<void> {
    await this.#ofSession(session, 'keep', { session, idleMs }, null);
  }

  async syncSession(session: SessionRef, files: readonly JobInput[], ...rest: readonly unknown[]): Promise<void> {
    await this.#ofSession(session, 'sync', [session, files, ...rest], null);
  }

  async endKernels(session: SessionRef, kernels: readonly string[] | null): Promise<void> {
    await this.#ofSession(session, 'endKernels', { session, kernels }, null);
  }

  saveStates(session: SessionRef, save: StateSave): Promise<readonly SavedState[]> {
    return this.#ofSession(session, 'saveStates', { session, save }, []);
  }

  async dropSession(session: SessionRef): Promise<void> {
    await this.#ofSession(session, 'close', session, null);
  }

  async openSession(order: SessionOrder): Promise<void> {
    const { worker } = order.session;
    await this.#orAvoided(worker, () => this.#calls.call(worker, 'open', order));
  }

  collect(
    session: SessionRef,
    jobId: string,
    readOnly: readonly string[],
    ...rest: readonly unknown[]
  ): Promise<Collected | null> {
    return this.#ofSession(session, 'collect', [session, jobId, readOnly, ...rest], null);
  }

  /** Hands a job to a worker. A question that is asked again, because no answer came, begins it once. */
  async #send(job: Job, worker: string): Promise<void> {
    await this.#log.follow(job, worker);
    try {
      await this.#orAvoided(worker, () => this.#calls.call(worker, 'cell', job));
    } catch (error) {
      // It may run, or have run: its log says how it ends, and it never begins again elsewhere.
      if (error instanceof WorkerGone && error.mayHaveBegun) return this.#log.mayHave(job.id);
      if (!(error instanceof WorkerGone)) this.#log.forget(job.id);
      throw error;
    }
  }

  async #orAvoided<T>(worker: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof WorkerGone) this.#placing.avoid(worker);
      throw error;
    }
  }

  #ofSession<T>(session: SessionRef, operation: string, args: unknown, gone: T): Promise<T> {
    return orGone(() => this.#calls.call<T>(session.worker, operation, args), gone);
  }

  async #ofJob<T>(jobId: string, ask: (worker: string) => Promise<T>): Promise<T> {
    const worker = await this.#log.workerOf(jobId);
    try {
      if (worker !== undefined) return await ask(worker);
    } catch (error) {
      if (!(error instanceof WorkerGone)) throw error;
    }
    throw new DragomanError('conflict', { message: 'The execution has ended.' });
  }

  async #end(jobId: string, how: 'interrupt' | 'cancel'): Promise<void> {
    if (await this.#lane.withdraw(jobId)) return;
    const worker = await this.#log.workerOf(jobId);
    if (worker === undefined) return;
    if (how === 'cancel') this.#log.endsSoon(jobId);
    await orGone(() => this.#calls.call(worker, how, { job: jobId }), null);
  }

  /** Asks a worker that is as good as any other. @throws DragomanError overloaded when none is there */
  async #ofAny<T>(operation: string): Promise<T> {
    for (let offer = 1; ; offer++) {
      const worker = await this.#placing.choose(null, null);
      try {
        return await this.#orAvoided(worker, () => this.#calls.call<T>(worker, operation, null));
      } catch (error) {
        if (!(error instanceof WorkerGone) || offer === maxOffers) throw error;
      }
    }
  }
}
