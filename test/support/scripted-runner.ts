import {
  DragomanError,
  keptMode,
  modeOf,
  type Tier,
  type TierState,
  type ToolCall,
  type ToolResult,
  tiers,
  uploadMode,
} from '../../src/core/index.ts';
import type { EventLog, EventWriter } from '../../src/event-log/index.ts';
import {
  type AnswerCheck,
  type Collected,
  type FileUse,
  type Job,
  type JobEnding,
  type JobEvent,
  type JobFile,
  type JobFiles,
  type JobInput,
  type JobRef,
  jobFault,
  jobOutput,
  type Language,
  type LiveState,
  memoryJobLog,
  type Runner,
  type SavedState,
  type SessionOrder,
  type SessionRef,
  type StateSave,
} from '../../src/runner/index.ts';
import { cellResult, said } from './cell-result.ts';
import { ScriptedCommands, ScriptedFiles } from './scripted-commands.ts';
import { testTier } from './tier.ts';

/** What a scripted job does: its result as far as it is not the usual one. */
export type Script = (job: ScriptedJob) => Promise<Partial<JobEnding['result']> | undefined>;

/** A job as its script sees it. */
export interface ScriptedJob {
  readonly job: Job;
  /** Aborts when the job is cancelled. */
  readonly signal: AbortSignal;
  /** Resolves when the job is interrupted. */
  readonly interrupted: Promise<void>;
  tell(event: JobEvent): void;
  print(data: string | Uint8Array): void;
  /** Paths of the files that the workspace holds. */
  paths(): string[];
  read(path: string): Promise<string>;
  write(path: string, content: string): void;
  remove(path: string): void;
  /** Permission bits of a file. */
  modeAt(path: string): number;
  setMode(path: string, mode: number): Promise<void>;
  makeFolder(path: string): void;
  /** Every folder, sorted. */
  folders(): string[];
  /** Asks the caller and waits for the answers. */
  call(calls: readonly ToolCall[]): Promise<readonly ToolResult[]>;
}

const program = { compile: null, run: ['run', '{entry}', '{args}'], check: null };

/** A language with a kernel, one that has programs only, and one whose programs cannot call tools. */
const scriptedLanguages: readonly Language[] = [
  { name: 'python', title: 'Python', aliases: ['py'], kernel: 'python', tools: 'python', ...program },
  { name: 'bash', title: 'Bash', aliases: ['sh'], kernel: null, tools: 'bash', ...program },
  { name: 'php', title: 'PHP', aliases: [], kernel: null, tools: null, ...program },
];

interface Live {
  readonly ref: SessionRef;
  readonly kernels: Set<string>;
}

/** The one fake of the `Runner` port: what a job does is a function, everything else is as a real runner does it. */
export class ScriptedRunner implements Runner {
  readonly submitted: Job[] = [];
  readonly synced: (readonly JobInput[])[] = [];
  readonly kept: { readonly id: string; readonly idleMs: number }[] = [];
  script: Script;
  /** The worker that sessions without a live one are placed on, and that runs all jobs. */
  worker = 'worker-1';
  /** Other workers that live. */
  alive: readonly string[] = [];
  readonly #files: JobFiles;
  readonly #events: EventLog<JobEvent>;
  readonly #jobs = new Map<string, Run>();
  readonly #live = new Map<string, Live>();
  /** The latest turn of each session, where several gateways take turns. */
  readonly #turns = new Map<string, number>();
  readonly commands = new ScriptedCommands((session) => this.#liveOf(session) !== undefined);
  readonly sandboxFiles = new ScriptedFiles((session) => this.#liveOf(session) !== undefined);

  constructor(files: JobFiles, script: Script = async () => undefined, events: EventLog<JobEvent> = memoryJobLog()) {
    this.#files = files;
    this.#events = events;
    this.script = script;
  }

  async languages(): Promise<readonly Language[]> {
    return scriptedLanguages;
  }

  async versions() {
    return { python: { Python: '3.13.1' } };
  }

  async fault(): Promise<string | null> {
    return null;
  }

  /** A test takes tiers away here. */
  faults: Partial<Record<Tier, string>> = {};

  async tiers(): Promise<readonly TierState[]> {
    return tiers.map((tier) => ({ tier, fault: this.faults[tier] ?? null }));
  }

  async submit(job: Job, permit?: Promise<void>): Promise<void> {
    const key = { tenant: '', principalId: job.owner, id: job.id };
    if (this.#events.find(key)) throw new DragomanError('conflict');
    this.submitted.push(structuredClone(job));
    const log = this.#events.create(key);
    const run = new Run(job, log, this.#files);
    this.#jobs.set(job.id, run);
    void this.#run(run, job, log, permit).finally(() => this.#jobs.delete(job.id));
  }

  events(job: JobRef, after: number, signal?: AbortSignal) {
    return this.#events.read({ tenant: '', principalId: job.owner, id: job.id }, after, signal);
  }

  async checkAnswer(jobId: string, results: readonly ToolResult[]): Promise<AnswerCheck> {
    return { changes: this.#job(jobId).check(results), waits: true };
  }

  async answer(jobId: string, results: readonly ToolResult[]): Promise<void> {
    this.#job(jobId).answer(results);
  }

  async interrupt(jobId: string): Promise<void> {
    const run = this.#jobs.get(jobId);
    if (run?.job.mode === 'program') run.cancel();
    else run?.interrupt();
  }

  async cancel(jobId: string): Promise<void> {
    this.#jobs.get(jobId)?.cancel();
  }

  async placeSession(current: string | null): Promise<string> {
    return current !== null && this.alive.includes(current) ? current : this.worker;
  }

  async sessions(sessions: readonly SessionRef[]): Promise<readonly LiveState[]> {
    return sessions.flatMap((ref) => {
      const live = this.#liveOf(ref);
      return live ? [{ id: ref.id, kernels: [...live.kernels], isBusy: this.#isUsed(ref.id) }] : [];
    });
  }

  async census() {
    const sessions = [...this.#live.values()].map(({ ref: { id, epoch }, kernels }) => {
      return { id, epoch, kernels: [...kernels], isBusy: this.#isUsed(id), lastUsedAt: Date.now() };
    });
    return { tiers: [{ tier: testTier(), live: sessions.length, parked: 0 }], sessions };
  }

  #isUsed(sessionId: string): boolean {
    return [...this.#jobs.values()].some(({ job }) => job.session?.id === sessionId);
  }

  async keepSession({ id }: SessionRef, idleMs: number): Promise<void> {
    this.kept.push({ id, idleMs });
  }

  async syncSession(session: SessionRef, files: readonly JobInput[]): Promise<void> {
    if (this.#liveOf(session)) this.synced.push(files);
  }

  async endKernels(session: SessionRef, kernels: readonly string[] | null): Promise<void> {
    const live = this.#liveOf(session);
    if (kernels === null) live?.kernels.clear();
    else for (const kernel of kernels) live?.kernels.delete(kernel);
  }

  /** What the next saves of states come to; a test puts functions here. */
  saves: ((save: StateSave, files: JobFiles) => Promise<readonly SavedState[]>)[] = [];

  async saveStates(_session: SessionRef, save: StateSave): Promise<readonly SavedState[]> {
    return (await this.saves.shift()?.(save, this.#files)) ?? [];
  }

  async usageNow(session: SessionRef) {
    const [live] = await this.sessions([session]);
    return live ? { cpuMs: 0, memoryBytes: 0, workspaceBytes: 0 } : null;
  }

  async dropSession(session: SessionRef): Promise<void> {
    if (this.#liveOf(session)) this.#live.delete(session.id);
    this.commands.drop(session.id);
  }

  async openSession({ session }: SessionOrder): Promise<void> {
    if (!this.#liveOf(session)) this.#live.set(session.id, { ref: session, kernels: new Set() });
  }

  async collect(session: SessionRef): Promise<Collected | null> {
    return this.#liveOf(session) ? { files: [], deleted: [], folders: [], lost: [] } : null;
  }

  async #run(run: Run, job: Job, log: EventWriter<JobEvent>, permit?: Promise<void>): Promise<void> {
    log.append({ type: 'started', worker: this.worker });
    try {
      await permit;
      const { session } = job;
      const kernel = job.mode === 'cell' ? (session?.kernel?.id ?? job.language) : undefined;
      const known = session && this.#live.get(session.id);
      if (session && known && known.ref.epoch > session.epoch) throw new DragomanError('conflict');
      const seen = session ? (this.#turns.get(session.id) ?? 0) : 0;
      if (session && (session.turn ?? 0) < seen) throw new DragomanError('conflict');
      if (session) this.#turns.set(session.id, session.turn ?? 0);
      if (session && kernel && !this.#liveOf(session)) this.#live.set(session.id, { ref: session, kernels: new Set() });
      const live = session && this.#live.get(session.id);
      const ran = session?.ran ?? [];
      const holds = kernel !== undefined && live?.kernels.has(kernel);
      const knows = kernel === undefined ? ran.length > 0 : ran.includes(kernel);
      const continuity = holds || (knows && kernel === undefined) ? 'continued' : knows ? 'restored' : 'fresh';
      const result = await this.script(run);
      const interpreter = kernel === undefined ? 'none' : 'kept';
      const ending = await run.ending(continuity, { interpreter, ...result });
      if (kernel && live && ending.result.interpreter === 'kept') live.kernels.add(kernel);
      log.append(ending);
    } catch (error) {
      log.append({ type: 'failed', error: jobFault(error) });
    } finally {
      run.close();
      log.end();
    }
  }

  #liveOf({ id, epoch }: SessionRef): Live | undefined {
    const live = this.#live.get(id);
    return live?.ref.epoch === epoch ? live : undefined;
  }

  #job(id: string): Run {
    const run = this.#jobs.get(id);
    if (!run) throw new DragomanError('conflict', { message: 'The execution has ended.' });
    return run;
  }
}

class Run implements ScriptedJob {
  readonly job: Job;
  readonly interrupted: Promise<void>;
  readonly interrupt: () => void;
  readonly #log: EventWriter<JobEvent>;
  readonly #files: JobFiles;
  readonly #abort = new AbortController();
  readonly #written = new Map<string, string>();
  readonly #removed = new Set<string>();
  readonly #modes = new Map<string, number>();
  readonly #folders = new Set<string>();
  readonly #answers = new Map<string, ToolResult>();
  #calls: readonly ToolCall[] = [];
  #answered = Promise.withResolvers<void>();
  #stdout = Buffer.alloc(0);

  constructor(job: Job, log: EventWriter<JobEvent>, files: JobFiles) {
    this.job = job;
    this.#log = log;
    this.#files = files;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.interrupted = promise;
    this.interrupt = resolve;
  }

  #use(): FileUse {
    const { id: jobId, owner, pass } = this.job;
    return { jobId, owner, pass };
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  cancel(): void {
    this.#abort.abort();
    this.interrupt();
    this.#answered.resolve();
  }

  close(): void {
    this.#calls = [];
  }

  tell(event: JobEvent): void {
    this.#log.append(event);
  }

  print(data: string | Uint8Array): void {
    const bytes = Buffer.from(data);
    this.#stdout = Buffer.concat([this.#stdout, bytes]);
    this.tell(jobOutput('stdout', bytes));
  }

  paths(): string[] {
    const staged = this.job.inputs.map(({ path }) => path).filter((path) => !this.#removed.has(path));
    return [...new Set([...staged, ...this.#written.keys()])].sort();
  }

  async read(path: string): Promise<string> {
    const written = this.#written.get(path);
    if (written !== undefined) return written;
    const input = this.job.inputs.find((each) => each.path === path)!;
    return Buffer.concat(await Array.fromAsync(await this.#files.open(this.#use(), input.digest))).toString();
  }

  write(path: string, content: string): void {
    this.#written.set(path, content);
  }

  /** Permission bits of a file. */
  modeAt(path: string): number {
    const input = this.job.inputs.find((each) => each.path === path);
    return this.#modes.get(path) ?? (input ? modeOf(input) : uploadMode);
  }

  async setMode(path: string, mode: number): Promise<void> {
    this.write(path, await this.read(path));
    this.#modes.set(path, keptMode(mode));
  }

  makeFolder(path: string): void {
    this.#folders.add(path);
  }

  /** Every folder, sorted. */
  folders(): string[] {
    const parents = (path: string) => path.split('/').map((_, index, all) => all.slice(0, index).join('/'));
    const made = [...(this.job.folders ?? []), ...this.#folders];
    return [...new Set([...made, ...[...made, ...this.paths()].flatMap(parents)])].filter(Boolean).sort();
  }

  #emptyFolders(): string[] {
    const all = [...this.folders(), ...this.paths()];
    return this.folders().filter((folder) => !all.some((path) => path.startsWith(`${folder}/`)));
  }

  remove(path: string): void {
    this.#written.delete(path);
    this.#removed.add(path);
  }

  async call(calls: readonly ToolCall[]): Promise<readonly ToolResult[]> {
    this.#calls = [...this.#calls, ...calls];
    this.tell({ type: 'tool_calls', calls });
    while (!this.signal.aborted && calls.some(({ id }) => !this.#answers.has(id))) {
      await this.#answered.promise;
      this.#answered = Promise.withResolvers();
    }
    return calls.flatMap(({ id }) => this.#answers.get(id) ?? []);
  }

  check(results: readonly ToolResult[]): boolean {
    for (const result of results) {
      if (!this.#calls.some(({ id }) => id === result.id))
        throw new DragomanError('invalid_request', { message: `no tool call "${result.id}" was made` });
      const first = this.#answers.get(result.id);
      if (first && JSON.stringify(first) !== JSON.stringify(result)) throw new DragomanError('conflict');
    }
    return results.some(({ id }) => !this.#answers.has(id));
  }

  answer(results: readonly ToolResult[]): void {
    if (!this.check(results)) return;
    for (const result of results) this.#answers.set(result.id, result);
    this.#answered.resolve();
  }

  async ending(continuity: JobEnding['continuity'], result: Partial<JobEnding['result']>): Promise<JobEnding> {
    const { inputs } = this.job;
    const files: JobFile[] = [];
    const lost: { path: string; reason: string }[] = [];
    for (const [path, content] of this.#written) {
      const bytes = Buffer.from(content);
      try {
        const put = await this.#files.put(this.#use(), path, one(bytes), bytes.length);
        const before = inputs.find((input) => input.path === path);
        const mode = this.modeAt(path);
        if (before?.digest === put.digest && modeOf(before) === mode) continue;
        files.push({ path, change: before ? 'modified' : 'created', mode, ...put });
      } catch (error) {
        lost.push({ path, reason: (error as Error).message });
      }
    }
    const deleted = inputs
      .map(({ path }) => path)
      .filter((path) => this.#removed.has(path) && !this.#written.has(path));
    const outcome = this.signal.aborted ? ({ outcome: 'cancelled', exitCode: null } as const) : {};
    const folders = this.job.folders && this.#emptyFolders();
    const stdout = said(this.#stdout.toString());
    return {
      type: 'ended',
      continuity,
      result: cellResult({ stdout, ...outcome, ...result }),
      files,
      deleted,
      folders,
      lost,
    };
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
