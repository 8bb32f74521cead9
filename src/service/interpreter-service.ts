import type { Readable } from 'node:stream';
import {
  DragomanError,
  type ExecutionEvent,
  type FileRef,
  type FileScope,
  type Limits,
  type Logger,
  type Metrics,
  newId,
  type Plan,
  type Plans,
  type Principal,
  planOf,
  type StoredFile,
  workspacePath,
} from '../core/index.ts';
import type { Engine, EngineInput, EngineRun, Runtime } from '../engine/index.ts';
import type { Catalogue, FileStore } from '../stores/index.ts';
import { Admission } from './admission.ts';
import type {
  ExecuteRequest,
  Execution,
  InputFile,
  Interpreter,
  LanguageInfo,
  ReportedFile,
  UploadFile,
  UploadOutcome,
} from './interpreter.ts';
import { Shelf } from './shelf.ts';

export interface InterpreterOptions {
  readonly engine: Engine;
  readonly files: FileStore;
  readonly catalogue: Catalogue;
  /** What principals may use. */
  readonly plans: Plans;
  /** Executions running at once, and how long one may wait. */
  readonly places: number;
  readonly queueWaitMs: number;
  readonly maxFileBytes: number;
  readonly maxUploadFiles: number;
  readonly retentionMs: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
}

const maxCodeBytes = 8 * 1024 * 1024;
const maxArgs = 10_000;
const maxArgsBytes = 128 * 1024;
const expiryIntervalMs = 10 * 60_000;
/** Bytes younger than this may belong to an upload whose record is not written yet. */
const graceMs = 60 * 60_000;

/** The `Interpreter` over an engine in this process. */
export class InterpreterService implements Interpreter {
  readonly #options: InterpreterOptions;
  readonly #shelf: Shelf;
  readonly #admission: Admission;
  #expiry: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(options: InterpreterOptions) {
    this.#options = options;
    this.#shelf = new Shelf(options);
    this.#admission = new Admission({ places: options.places, waitMs: options.queueWaitMs });
  }

  /** Begins to remove what has expired. */
  start(): void {
    const { metrics, logger, engine } = this.#options;
    metrics.gauge('executions_running', 'Executions running now', () => this.#admission.running);
    metrics.gauge('executions_waiting', 'Executions waiting for a place', () => this.#admission.waiting);
    metrics.gauge('sandboxes_live', 'Sandboxes alive, parked ones included', () => engine.census().live);
    const expire = () =>
      this.#shelf.expire(graceMs).then(
        (removed) => logger.debug(removed, 'removed what had expired'),
        (error) => logger.error({ error: String(error) }, 'what has expired could not be removed'),
      );
    void expire();
    this.#expiry = setInterval(expire, expiryIntervalMs);
    this.#expiry.unref();
  }

  /** Takes no more executions; those that run go on. */
  close(): void {
    this.#closing = true;
    clearInterval(this.#expiry);
  }

  languages(): readonly LanguageInfo[] {
    return this.#options.engine.catalogue.runtimes.map(({ name, aliases, title }) => ({ name, aliases, title }));
  }

  async execute(
    principal: Principal,
    request: ExecuteRequest,
    options: { signal?: AbortSignal; onEvent?: (event: ExecutionEvent) => void } = {},
  ): Promise<Execution> {
    const started = performance.now();
    const runtime = this.#runtime(request.language);
    checkProgram(request);
    const inputs = await this.#resolve(principal, request.files ?? []);
    if (this.#closing) throw new DragomanError('shutting_down', { retryAfterSeconds: 5 });
    const plan = planOf(this.#options.plans, principal);
    const leave = await this.#admission.enter(principal.id, plan, options.signal);
    let execution: Execution;
    try {
      const run = await this.#options.engine.execute(
        {
          runtime,
          code: request.code,
          args: request.args ?? [],
          stdin: request.stdin,
          inputs: inputs.map((input) => this.#engineInput(input)),
          limits: limitsWithin(plan, request.limits),
        },
        options,
      );
      try {
        execution = await this.#keep(principal, runtime, run, inputs);
      } finally {
        run.release();
      }
    } finally {
      leave();
    }
    const { outcome, usage } = execution.result;
    this.#options.metrics.execution({
      language: runtime.name,
      outcome,
      wallMs: usage.wallMs,
      totalMs: performance.now() - started,
    });
    if (outcome === 'cancelled') throw new DragomanError('cancelled');
    return execution;
  }

  upload(
    principal: Principal,
    request: { scope: FileScope; readOnly: boolean; partial: boolean },
    files: AsyncIterable<UploadFile>,
  ): Promise<{ sessionId: string; files: readonly UploadOutcome[] }> {
    return this.#shelf.upload(principal, request, files);
  }

  file(principal: Principal, ref: FileRef): Promise<StoredFile> {
    return this.#shelf.find(principal, ref);
  }

  async openFile(principal: Principal, ref: FileRef): Promise<{ file: StoredFile; content: Readable }> {
    const file = await this.#shelf.find(principal, ref);
    return { file, content: await this.#shelf.open(file) };
  }

  listFiles(principal: Principal, sessionId: string, scope: FileScope): Promise<readonly StoredFile[]> {
    return this.#shelf.list(principal, sessionId, scope);
  }

  deleteFile(principal: Principal, ref: FileRef): Promise<void> {
    return this.#shelf.delete(principal, ref);
  }

  async health(): Promise<{ ready: boolean; reason?: string }> {
    if (this.#closing) return { ready: false, reason: 'shutting down' };
    const kind = this.#options.engine.lacking();
    return kind === undefined ? { ready: true } : { ready: false, reason: `sandboxes cannot be made (${kind})` };
  }

  #runtime(language: string): Runtime {
    const { catalogue } = this.#options.engine;
    const runtime = catalogue.find(language);
    if (runtime) return runtime;
    const names = catalogue.runtimes.map((runtime) => runtime.name).join(', ');
    throw new DragomanError('unsupported_language', {
      message: `Unsupported language: ${language.slice(0, 64)} (this image has ${names})`,
    });
  }

  async #resolve(principal: Principal, files: readonly InputFile[]): Promise<ResolvedInput[]> {
    checkDestinations(files.map((file) => file.path));
    return Promise.all(
      files.map(async (input) => {
        try {
          return { input, file: await this.#shelf.find(principal, input) };
        } catch (error) {
          if (error instanceof DragomanError && error.code === 'not_found') throw new DragomanError('file_refused');
          throw error;
        }
      }),
    );
  }

  #engineInput({ input, file }: ResolvedInput): EngineInput {
    const { size, digest, readOnly } = file;
    return { path: input.path, size, digest, readOnly, open: () => this.#shelf.open(file) };
  }

  /** Stores what a run made and changed, as a session of the principal's own. */
  async #keep(
    principal: Principal,
    runtime: Runtime,
    run: EngineRun,
    inputs: readonly ResolvedInput[],
  ): Promise<Execution> {
    const id = newId();
    const session = this.#shelf.session(principal, id, { kind: 'user' });
    const byPath = new Map(inputs.map(({ input }) => [input.path, input]));
    const files: ReportedFile[] = [];
    const stored: StoredFile[] = [];
    let lost = 0;
    const lose = (count: number, error: unknown) => {
      this.#options.logger.error(
        { execution: id, count, error: String((error as Error).cause ?? error) },
        'artifacts were not stored',
      );
      lost += count;
    };
    for (const { path, change, content } of run.artifacts) {
      try {
        const artifact = { name: path, contentType: undefined, readOnly: false, content: content.read() };
        const file = await this.#shelf.put(session, artifact, content.size);
        stored.push(file);
        const from = byPath.get(path);
        files.push(change === 'modified' && from ? { change, file, from } : { change: 'created', file });
      } catch (error) {
        lose(1, error);
      }
    }
    try {
      await this.#shelf.record(session, stored);
    } catch (error) {
      // The program has run: its caller is to have the result, and to learn that the files are gone.
      lose(stored.length, error);
      files.length = 0;
    }
    for (const path of run.inherited) files.push({ change: 'inherited', path, ref: byPath.get(path)! });
    return { id, language: runtime.name, result: run.result, files, deleted: run.deleted, lost };
  }
}

interface ResolvedInput {
  readonly input: InputFile;
  readonly file: StoredFile;
}

/** What a request asks for, as far as the plan allows it; only the wall clock may be asked to be longer than usual. */
function limitsWithin({ limits, maxWallMs }: Plan, asked: ExecuteRequest['limits'] = {}): Limits {
  return { ...limits, wallMs: Math.min(asked.wallMs ?? limits.wallMs, maxWallMs) };
}

function checkProgram({ code, args = [], stdin = '' }: ExecuteRequest): void {
  const refuse = (message: string) => {
    throw new DragomanError('invalid_request', { message });
  };
  if (code.includes('\0')) refuse('code must not contain NUL characters');
  if (Buffer.byteLength(code) > maxCodeBytes) refuse(`code must be at most ${maxCodeBytes} bytes`);
  if (args.some((arg) => arg.includes('\0'))) refuse('args must not contain NUL characters');
  // The kernel takes bytes: half a character has none.
  if (!args.every((arg) => arg.isWellFormed())) refuse('args must be valid Unicode');
  if (args.length > maxArgs) refuse(`args must be at most ${maxArgs}`);
  if (args.reduce((sum, arg) => sum + Buffer.byteLength(arg) + 1, 0) > maxArgsBytes) {
    refuse(`args must be at most ${maxArgsBytes} bytes together`);
  }
  if (Buffer.byteLength(stdin) > maxCodeBytes) refuse(`stdin must be at most ${maxCodeBytes} bytes`);
}

/** Every input needs a place of its own: no path twice, none a directory of another. */
function checkDestinations(paths: readonly string[]): void {
  const files = new Set<string>();
  for (const path of paths) {
    workspacePath(path);
    if (files.has(path)) throw new DragomanError('invalid_request', { message: 'two files have the same destination' });
    files.add(path);
  }
  for (const path of paths) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      if (files.has(path.slice(0, at))) {
        throw new DragomanError('invalid_request', { message: 'one file would be a directory of another' });
      }
    }
  }
}
