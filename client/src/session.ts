import { pathOf } from './address.ts';
import type {
  Completeness,
  CompletionRequest,
  Completions,
  Execution,
  ExecutionRequest,
  ForkRequest,
  InterruptSessionAnswer,
  IsCompleteRequest,
  KernelState,
  ReadStateAnswer,
  SessionChange,
  Session as SessionRecord,
} from './api.ts';
import { SessionCommands } from './commands.ts';
import type { CallOptions } from './deadline.ts';
import { type RunningExecution, type RunOptions, startExecution } from './execution.ts';
import { SessionFiles } from './files.ts';
import { SessionKernels } from './kernels.ts';
import { SandboxFiles } from './sandbox-files.ts';
import { definitionsOf } from './tools.ts';
import type { Transport } from './transport.ts';

/** Code to run: everything of a request but the tools, which are functions here. */
export type Code = Omit<ExecutionRequest, 'tools'>;

/** Files, and perhaps variables, that outlive the code. Making this object asks the service nothing. */
export class Session {
  readonly id: string;
  readonly files: SessionFiles;
  readonly kernels: SessionKernels;
  readonly commands: SessionCommands;
  /** Any path inside its sandbox; `files` are those that stay. */
  readonly fs: SandboxFiles;
  readonly #transport: Transport;
  readonly #base: string;

  /** @throws PathError for an id that no session can have */
  constructor(transport: Transport, id: string) {
    this.id = id;
    this.#transport = transport;
    this.#base = pathOf('sessions', id);
    this.files = new SessionFiles(transport, id);
    this.kernels = new SessionKernels(transport, id);
    this.commands = new SessionCommands(transport, id);
    this.fs = new SandboxFiles(transport, id);
  }

  /** Runs code and waits for its end, however it ends. It is ended when the signal aborts or the time is over. */
  async run(code: Code, options: RunOptions = {}): Promise<Execution> {
    return (await this.start(code, options)).result();
  }

  /** Runs code and hands out its events as they happen. */
  start(code: Code, options: RunOptions = {}): Promise<RunningExecution> {
    return startExecution(this.#transport, `${this.#base}/executions`, bodyOf(code, options), options);
  }

  /** What is known of it. Does not count as use. */
  info(options: CallOptions = {}): Promise<SessionRecord> {
    return this.#transport.json('GET', this.#base, options);
  }

  change(change: SessionChange, options: CallOptions = {}): Promise<SessionRecord> {
    return this.#transport.json('PATCH', this.#base, { ...options, json: change, repeatable: true });
  }

  /** How code could go on at `cursor`, in characters (code points); at its end without one. The code does not run. */
  complete(request: CompletionRequest, options: CallOptions = {}): Promise<Completions> {
    return this.#transport.json('POST', `${this.#base}/complete`, { ...options, json: request, repeatable: true });
  }

  /** Whether code is whole, as a prompt asks after each line. The code does not run. */
  isComplete(request: IsCompleteRequest, options: CallOptions = {}): Promise<Completeness> {
    return this.#transport.json('POST', `${this.#base}/is_complete`, { ...options, json: request, repeatable: true });
  }

  /** Interrupts what runs; variables stay. Returns whether anything ran. */
  async interrupt(options: CallOptions = {}): Promise<boolean> {
    const answer = await this.#transport.json<InterruptSessionAnswer>('POST', `${this.#base}/interrupt`, options);
    return answer.interrupted;
  }

  /** Forgets all variables and keeps the files. */
  restart(options: CallOptions = {}): Promise<SessionRecord> {
    return this.#transport.json('POST', `${this.#base}/restart`, { ...options, repeatable: true });
  }

  /** Begins another session with the same files, and the same variables as far as they can be saved. */
  async fork(request: ForkRequest = {}, options: CallOptions = {}): Promise<Session> {
    const { id } = await this.#transport.json<SessionRecord>('POST', `${this.#base}/fork`, {
      ...options,
      json: request,
    });
    return new Session(this.#transport, id);
  }

  /** What is there of its variables: kernels that hold them now, and those whose variables are saved. */
  async state(options: CallOptions = {}): Promise<readonly KernelState[]> {
    const { data } = await this.#transport.json<ReadStateAnswer>('GET', `${this.#base}/state`, options);
    return data;
  }

  /** Saves its variables now, as the service does by itself once it has been idle for a while. */
  async saveState(options: CallOptions = {}): Promise<readonly KernelState[]> {
    const { data } = await this.#transport.json<ReadStateAnswer>('POST', `${this.#base}/state`, options);
    return data;
  }

  /** Removes what is saved of its variables. */
  async discardState(options: CallOptions = {}): Promise<void> {
    await this.#transport.json('DELETE', `${this.#base}/state`, { ...options, repeatable: true });
  }

  /** Its history as a Jupyter notebook, nbformat 4.5. */
  notebook(options: CallOptions = {}): Promise<Record<string, unknown>> {
    return this.#transport.json('GET', `${this.#base}/notebook`, options);
  }

  /** Ends it and removes its files. */
  async delete(options: CallOptions = {}): Promise<void> {
    await this.#transport.json('DELETE', this.#base, { ...options, repeatable: true });
  }
}

export function bodyOf(code: Code, { tools }: RunOptions): ExecutionRequest {
  return tools && Object.keys(tools).length > 0 ? { ...code, tools: definitionsOf(tools) } : code;
}
