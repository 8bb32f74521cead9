import {
  DragomanError,
  type Limits,
  type Logger,
  newId,
  type TierState,
  type ToolResult,
  type Traces,
  type UsageNow,
} from '../core/index.ts';
import type { EventLog, NumberedEvent } from '../event-log/index.ts';
import type {
  AnswerCheck,
  Collected,
  CommandRunner,
  Job,
  JobEvent,
  JobFiles,
  JobInput,
  JobRef,
  Language,
  LanguageVersions,
  LiveState,
  Runner,
  RunnerCensus,
  SandboxFileRunner,
  SavedState,
  SessionOrder,
  SessionRef,
  StateSave,
} from '../runner/index.ts';
import { collect } from './collect.ts';
import { LiveCommands } from './commands/live-commands.ts';
import type { Engines } from './engines.ts';
import { JobRun } from './job-run.ts';
import { languagesOf } from './languages.ts';
import { LiveFiles } from './live-files.ts';
import { LiveSessions } from './live-sessions.ts';

export interface LocalRunnerOptions {
  /** Id of the worker; absent: a new one. */
  readonly worker?: string;
  readonly engines: Engines;
  readonly files: JobFiles;
  readonly events: EventLog<JobEvent>;
  /** Of the sandbox in which the image is asked for its versions. */
  readonly limits: Limits;
  /** Sandboxes of sessions at once. */
  readonly maxLive: number;
  /** Idle sandboxes of sessions are closed while less memory than this is available. */
  readonly reserveBytes: number;
  readonly availableMemory: () => number;
  readonly traces?: Traces;
  readonly logger: Logger;
  readonly now: () => number;
}

/** A `Runner` over engines in this process: each call is a direct one, and nothing is copied or serialised. */
export class LocalRunner implements Runner {
  readonly #options: LocalRunnerOptions;
  readonly #worker: string;
  readonly #languages: readonly Language[];
  readonly #sessions: LiveSessions;
  /** Jobs under way: as many as the service admits. */
  readonly #jobs = new Map<string, { readonly run: JobRun; readonly settled: Promise<void> }>();
  readonly commands: CommandRunner;
  readonly sandboxFiles: SandboxFileRunner;

  constructor(options: LocalRunnerOptions) {
    this.#options = options;
    this.#worker = options.worker ?? newId();
    this.#languages = languagesOf(options.engines.catalogue);
    this.#sessions = new LiveSessions(options);
    this.commands = new LiveCommands(this.#sessions, options.now);
    this.sandboxFiles = new LiveFiles(this.#sessions);
  }

  /** Begins to close idle sandboxes of sessions. */
  start(): void {
    this.#sessions.start();
  }

  /** Ends what runs, and every sandbox of a session. */
  async close(): Promise<void> {
    for (const { run } of this.#jobs.values()) run.cancel();
    await this.#sessions.close();
  }

  /** Sessions that have a sandbox. */
  get liveSessions(): number {
    return this.#sessions.count;
  }

  /** Closes what was idle for too long, as it does every few seconds. */
  sweep(): Promise<void> {
    return this.#sessions.sweep();
  }

  async languages(): Promise<readonly Language[]> {
    return this.#languages;
  }

  async versions(): Promise<LanguageVersions> {
    return Object.fromEntries(await this.#options.engines.first.versions(this.#options.limits));
  }

  async fault(): Promise<string | null> {
    const kind = this.#options.engines.first.lacking();
    return kind === undefined ? null : `sandboxes cannot be made (${kind})`;
  }

  async tiers(): Promise<readonly TierState[]> {
    return this.#options.engines.states();
  }

  /** @param permit as of `JobRun.run` */
  async submit(job: Job, permit?: Promise<void>): Promise<void> {
    const key = logKey(job);
    const { events } = this.#options;
    if (this.#jobs.has(job.id) || events.find(key)) throw new DragomanError('conflict');
    const parts = { ...this.#options, sessions: this.#sessions, worker: this.#worker };
    // Throws for a job that cannot be run at all, and then there is no log of it.
    const run = new JobRun(parts, job, () => events.create(key));
    const settled = run.run(permit).finally(() => this.#jobs.delete(job.id));
    this.#jobs.set(job.id, { run, settled });
  }

  /** Whether it runs or has run this job: then it does not take it again. */
  holds(job: JobRef): boolean {
    return this.#jobs.has(job.id) || this.#options.events.find(logKey(job)) !== undefined;
  }

  /** Resolves when this job does not run, or runs no more. */
  async settled(jobId: string): Promise<void> {
    await this.#jobs.get(jobId)?.settled;
  }

  /** Jobs that run. */
  get running(): number {
    return this.#jobs.size;
  }

  /** Whether a session has a sandbox, or could have one now. */
  hasRoom(session: SessionRef, owner: string): boolean {
    return this.#sessions.hasRoom(session, owner);
  }

  /**
   * Ends idle sandboxes of sessions. Returns how many sessions are left, because something uses them.
   * @param spareMs those whose variables are not saved stay for so long after their last use
   */
  letGo(spareMs: number): Promise<number> {
    return this.#sessions.letGo(spareMs);
  }

  /** Every session that has a sandbox. */
  held(): SessionRef[] {
    return this.#sessions.refs();
  }

  events(job: JobRef, after: number, signal?: AbortSignal): AsyncIterable<NumberedEvent<JobEvent>> {
    return this.#options.events.read(logKey(job), after, signal);
  }

  async checkAnswer(jobId: string, results: readonly ToolResult[]): Promise<AnswerCheck> {
    return this.#job(jobId).checkAnswer(results);
  }

  async answer(jobId: string, results: readonly ToolResult[]): Promise<void> {
    this.#job(jobId).answer(results);
  }

  async interrupt(jobId: string): Promise<void> {
    this.#jobs.get(jobId)?.run.interrupt();
  }

  async cancel(jobId: string): Promise<void> {
    this.#jobs.get(jobId)?.run.cancel();
  }

  leaving(listener: (worker: string, why: 'memory') => void): () => void {
    return this.#sessions.onShort(() => listener(this.#worker, 'memory'));
  }

  async placeSession(_current: string | null): Promise<string> {
    return this.#worker;
  }

  async sessions(sessions: readonly SessionRef[]): Promise<readonly LiveState[]> {
    return this.#sessions.states(sessions);
  }

  async census(): Promise<RunnerCensus> {
    return { tiers: this.#options.engines.census(), sessions: this.#sessions.held() };
  }

  async usageNow(session: SessionRef): Promise<UsageNow | null> {
    return this.#sessions.find(session)?.usageNow ?? null;
  }

  async keepSession(session: SessionRef, idleMs: number): Promise<void> {
    this.#sessions.keep(session, idleMs);
  }

  async syncSession(session: SessionRef, files: readonly JobInput[], pass?: string): Promise<void> {
    const live = this.#sessions.find(session);
    await live?.sync(files, { jobId: session.id, owner: live.owner, pass });
  }

  async endKernels(session: SessionRef, kernels: readonly string[] | null): Promise<void> {
    const live = this.#sessions.find(session);
    await (kernels === null ? live?.restart() : live?.stopKernels(kernels));
  }

  async saveStates(session: SessionRef, save: StateSave): Promise<readonly SavedState[]> {
    return (await this.#sessions.find(session)?.saveStates(save)) ?? [];
  }

  async dropSession(session: SessionRef): Promise<void> {
    await this.#sessions.drop(session);
  }

  async openSession(order: SessionOrder): Promise<void> {
    const { session, owner, idleMs, inputs, folders, checkpoint, pass } = order;
    const use = { jobId: session.id, owner, pass };
    await this.#sessions.use(session, owner, idleMs, (live) =>
      live.sandboxWith(inputs, folders, order, use, checkpoint),
    );
  }

  async collect(
    session: SessionRef,
    jobId: string,
    readOnly: readonly string[],
    pass?: string,
  ): Promise<Collected | null> {
    const live = this.#sessions.find(session);
    if (!live?.isLive) return null;
    const { files, logger } = this.#options;
    const use = { jobId, owner: live.owner, pass };
    return this.#sessions.hold(live, () => collect(live, new Set(readOnly), files, use, logger));
  }

  /** @throws DragomanError conflict when it has ended */
  #job(id: string): JobRun {
    const job = this.#jobs.get(id)?.run;
    if (!job) throw new DragomanError('conflict', { message: 'The execution has ended.' });
    return job;
  }
}

/** Owners are opaque here: tenant and principal in one. */
function logKey({ id, owner }: JobRef) {
  return { tenant: '', principalId: owner, id };
}
