import {
  type CommandSignal,
  DragomanError,
  FairStore,
  newId,
  type Principal,
  type TerminalSize,
} from '../../core/index.ts';
import { type CommandRef, type CommandState, outputBytes, type Runner, type SessionRef } from '../../runner/index.ts';
import { ownerOf } from '../executions/owner.ts';
import type { OpenSession } from '../sessions/open-session.ts';
import type { SessionDirectory } from '../sessions/session-directory.ts';
import type { SessionSandboxes, WorkspaceChange } from '../sessions/session-sandboxes.ts';
import type { UsageMeter } from '../usage/usage.ts';
import { checkCommand, checkSize } from './command-check.ts';
import { CommandShares } from './command-shares.ts';
import type { CommandInfo, Commands, NewCommand, NumberedCommandEvent } from './commands.ts';

export interface CommandServiceOptions {
  readonly runner: Runner;
  readonly usage: UsageMeter;
  /** Commands of all principals that run at once. */
  readonly maxCommands: number;
  /** A command never runs longer. */
  readonly maxCommandMs: number;
  readonly now: () => number;
}

export interface CommandServiceParts {
  readonly directory: SessionDirectory;
  readonly sandboxes: SessionSandboxes;
}

/** A command that runs. */
interface Running {
  readonly principal: Principal;
  readonly session: OpenSession;
  readonly ref: CommandRef;
  collectedAt: number;
}

const sweepMs = 1000;
/** How often the files of a session are kept while a command runs in it. */
const collectMs = 60_000;
/** Largest input of one write. */
const maxInputBytes = 1024 * 1024;
const keptFiles = { maxEntries: 2000, maxBytes: 16 * 1024 * 1024, ttlMs: 10 * 60_000 };

/** The `Commands` over a runner: counts them, ends them with their sessions, and keeps what they left in the workspace. */
export class CommandService implements Commands {
  readonly #options: CommandServiceOptions;
  readonly #directory: SessionDirectory;
  readonly #sandboxes: SessionSandboxes;
  readonly #shares: CommandShares;
  readonly #running = new Map<string, Running>();
  /** What commands that have ended, or are about to, have left. */
  readonly #files: FairStore<Promise<WorkspaceChange>>;
  #sweeper: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(options: CommandServiceOptions, { directory, sandboxes }: CommandServiceParts) {
    this.#options = options;
    this.#directory = directory;
    this.#sandboxes = sandboxes;
    this.#shares = new CommandShares(options.maxCommands);
    this.#files = new FairStore({ ...keptFiles, now: options.now });
  }

  /** Begins to end commands whose sessions are over. */
  begin(): void {
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs).unref();
  }

  /** Begins no more; those that run end with their sandboxes. */
  close(): void {
    this.#closing = true;
    clearInterval(this.#sweeper);
  }

  /** Commands that run. */
  get count(): number {
    return this.#shares.total;
  }

  async start(principal: Principal, sessionId: string, command: NewCommand): Promise<CommandInfo> {
    const { runner, now, maxCommandMs } = this.#options;
    checkCommand(command);
    if (this.#closing) throw new DragomanError('shutting_down', { retryAfterSeconds: 5 });
    const session = await this.#directory.open(principal, sessionId);
    const owner = ownerOf(principal);
    let giveBack = () => {};
    try {
      giveBack = this.#shares.take(owner, sessionId);
      const order = {
        id: newId(),
        argv: command.argv,
        cwd: command.cwd || '.',
        env: command.terminal ? { TERM: 'xterm-256color', ...command.env } : (command.env ?? {}),
        terminal: command.terminal ?? null,
        hasInput: command.hasInput ?? false,
        tag: command.tag ?? null,
        deadline: now() + Math.min(command.timeoutMs ?? maxCommandMs, maxCommandMs),
      };
      const { state, ref } = await this.#sandboxes.use(principal, sessionId, async (ref) => {
        const state = await runner.commands.start(ref, owner, order);
        return state && { state, ref: { session: ref, id: order.id } };
      });
      const running = { principal, session, ref, collectedAt: now() };
      this.#running.set(order.id, running);
      void this.#follow(running, giveBack);
      return infoOf(sessionId, state);
    } catch (error) {
      giveBack();
      this.#directory.release(session);
      throw error;
    }
  }

  async list(principal: Principal, sessionId: string): Promise<readonly CommandInfo[]> {
    const { states } = await this.#states(principal, sessionId);
    return states.map((state) => infoOf(sessionId, state));
  }

  async get(principal: Principal, sessionId: string, command: string | number): Promise<CommandInfo> {
    return infoOf(sessionId, (await this.#find(principal, sessionId, command)).state);
  }

  async *events(
    principal: Principal,
    sessionId: string,
    command: string | number,
    after: number | 'now',
    signal?: AbortSignal,
  ): AsyncGenerator<NumberedCommandEvent> {
    const { ref, state } = await this.#find(principal, sessionId, command);
    const { commands } = this.#options.runner;
    const from = after === 'now' ? await commands.last(ref) : after;
    let read = from;
    /** Bytes of output before the next event, where that is known. */
    let bytes = from === 0 ? 0 : undefined;
    for await (const { number, event } of commands.events(ref, from, signal)) {
      if (number > read + 1)
        yield { number: number - 1, event: { type: 'dropped', bytes: bytes === undefined ? null : event.at - bytes } };
      read = number;
      if (event.type === 'ended') {
        const { reason, code, signal: by } = event.end;
        yield { number, event: { type: 'ended', end: { reason, code, signal: by } } };
        continue;
      }
      const data = outputBytes(event);
      bytes = event.at + data.length;
      yield { number, event: { type: 'output', stream: event.type, data } };
      if (signal?.aborted) return;
    }
    if (signal?.aborted) return;
    const files = await this.#files.get({ ...keyOf(principal), id: state.id });
    const last = await commands.last(ref).catch(() => 0);
    if (files && last > 0 && from <= last) yield { number: last + 1, event: { type: 'files', ...files } };
  }

  async write(principal: Principal, sessionId: string, command: string | number, data: Uint8Array): Promise<void> {
    if (data.length > maxInputBytes)
      throw new DragomanError('too_large', { message: `at most ${maxInputBytes} bytes of input at once` });
    const { ref } = await this.#find(principal, sessionId, command);
    await this.#options.runner.commands.write(ref, Buffer.from(data).toString('base64'));
  }

  async closeInput(principal: Principal, sessionId: string, command: string | number): Promise<void> {
    const { ref } = await this.#find(principal, sessionId, command);
    await this.#options.runner.commands.closeInput(ref);
  }

  async signal(
    principal: Principal,
    sessionId: string,
    command: string | number,
    signal: CommandSignal,
  ): Promise<boolean> {
    const { ref, state } = await this.#find(principal, sessionId, command);
    if (state.ended) return false;
    await this.#options.runner.commands.signal(ref, signal);
    return true;
  }

  async resize(principal: Principal, sessionId: string, command: string | number, size: TerminalSize): Promise<void> {
    checkSize(size);
    const { ref } = await this.#find(principal, sessionId, command);
    await this.#options.runner.commands.resize(ref, size);
  }

  async delete(principal: Principal, sessionId: string, command: string | number): Promise<void> {
    const { ref } = await this.#find(principal, sessionId, command);
    await this.#options.runner.commands.delete(ref);
  }

  /** Waits for a command's end, and then for what it left. Never rejects. */
  async #follow(running: Running, giveBack: () => void): Promise<void> {
    const { runner, usage, now } = this.#options;
    const { ref, principal, session } = running;
    const begun = now();
    const ended = runner.commands.ended(ref);
    const files = ended
      .then(() => this.#sandboxes.collect(principal, session))
      .catch(() => ({ changed: [], deleted: [] }));
    this.#files.set({ ...keyOf(principal), id: ref.id }, files, 0);
    const end = await ended.catch(() => undefined);
    const wallMs = now() - begun;
    // What the sandbox says of its use cannot be more than it had.
    usage.record(principal, { wallMs, cpuMs: Math.min(end?.cpuMs ?? 0, wallMs * maxCpus) });
    this.#running.delete(ref.id);
    giveBack();
    const { changed, deleted } = await files;
    const bytes = [...changed, ...deleted].reduce((sum, path) => sum + path.length + 50, 100);
    this.#files.set({ ...keyOf(principal), id: ref.id }, files, bytes);
    this.#directory.release(session);
  }

  /** Counts running commands as use of their sessions, ends those whose session is over, and keeps files now and then. */
  #sweep(): void {
    const { runner, now } = this.#options;
    for (const running of this.#running.values()) {
      const { session, ref, principal } = running;
      if (session.record.endsAt === null) this.#directory.touch(session);
      if (session.record.expiresAt <= now()) void runner.commands.signal(ref, 'SIGKILL').catch(() => {});
      else if (now() - running.collectedAt >= collectMs && session.isIdle) {
        running.collectedAt = now();
        void this.#sandboxes.collect(principal, session);
      }
    }
  }

  async #states(
    principal: Principal,
    sessionId: string,
  ): Promise<{ session: SessionRef | undefined; states: readonly CommandState[] }> {
    return this.#directory.use(principal, sessionId, async ({ ref }) => {
      const states = ref ? await this.#options.runner.commands.list(ref) : [];
      return { session: ref, states };
    });
  }

  /** @throws DragomanError not_found */
  async #find(
    principal: Principal,
    sessionId: string,
    command: string | number,
  ): Promise<{ ref: CommandRef; state: CommandState }> {
    const { session, states } = await this.#states(principal, sessionId);
    const state =
      typeof command === 'string'
        ? states.find(({ id }) => id === command)
        : (states.findLast(({ pid, ended }) => pid === command && !ended) ??
          states.findLast(({ pid }) => pid === command));
    if (!state || !session) throw new DragomanError('not_found', { message: 'Command not found' });
    return { ref: { session, id: state.id }, state };
  }
}

/** No sandbox has more processors. */
const maxCpus = 64;

function keyOf({ tenant, id: principalId }: Principal) {
  return { tenant, principalId };
}

function infoOf(sessionId: string, state: CommandState): CommandInfo {
  const { id, pid, argv, cwd, env, terminal, tag, startedAt, deadline, ended } = state;
  const end = ended && { reason: ended.reason, code: ended.code, signal: ended.signal, at: ended.at };
  return { id, sessionId, pid, argv, cwd: absolute(cwd), env, terminal, tag, startedAt, deadline, ended: end };
}

function absolute(cwd: string): string {
  return cwd.startsWith('/') ? cwd : cwd === '.' ? '/mnt/data' : `/mnt/data/${cwd}`;
}
