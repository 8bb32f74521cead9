import { DragomanError } from '../../core/index.ts';
import { MemoryEventLog, type NumberedEvent } from '../../event-log/index.ts';
import type {
  CommandEnding,
  CommandOrder,
  CommandRef,
  CommandRunner,
  CommandState,
  RunnerCommandEvent,
  SessionRef,
} from '../../runner/index.ts';
import type { LiveSessions } from '../live-sessions.ts';
import { CommandRun } from './command-run.ts';

/** Output kept of one command. */
const maxLogBytes = 1024 * 1024;
/** Of all that have ended, how much is kept and for how long. */
const ended = { maxLogs: 2000, maxBytes: 64 * 1024 * 1024, ttlMs: 10 * 60_000 };
/** Running and ended ones of one session. */
const maxOfSession = 64;

interface Entry {
  readonly run: CommandRun;
  readonly owner: string;
}

/** The commands of the sessions on this worker. */
export class LiveCommands implements CommandRunner {
  readonly #sessions: LiveSessions;
  readonly #now: () => number;
  readonly #logs: MemoryEventLog<RunnerCommandEvent>;
  /** By session and id, by start. */
  readonly #byId = new Map<string, Map<string, Entry>>();

  constructor(sessions: LiveSessions, now: () => number) {
    this.#sessions = sessions;
    this.#now = now;
    this.#logs = new MemoryEventLog({ ...ended, maxLogBytes, isExpendable: ({ type }) => type !== 'ended' });
  }

  async start(session: SessionRef, owner: string, order: CommandOrder): Promise<CommandState | null> {
    const live = this.#sessions.find(session);
    if (!live?.isLive) return null;
    const key = { tenant: '', principalId: owner, id: order.id };
    const log = this.#logs.create(key);
    const run = new CommandRun({ order, log, now: this.#now, abandon: () => void live.close() });
    // The sandbox stays until it has ended.
    const started = Promise.withResolvers<void>();
    void this.#sessions
      .hold(live, () =>
        run
          .start(live.sandbox!)
          .then(started.resolve, started.reject)
          .then(() => started.promise)
          .then(() => run.ended),
      )
      .catch(() => {});
    try {
      await started.promise;
    } catch (error) {
      this.#logs.delete(key);
      if (!live.isLive) return null;
      throw error;
    }
    // Its state is told as long as its events are.
    void run.ended.then(() => setTimeout(() => this.#forget(session.id, order.id), ended.ttlMs).unref());
    const own = this.#byId.get(session.id) ?? new Map<string, Entry>();
    this.#byId.set(session.id, own.set(order.id, { run, owner }));
    for (const [id, each] of own) {
      if (own.size <= maxOfSession) break;
      if (each.run.hasEnded) this.#forget(session.id, id);
    }
    return run.state;
  }

  async list({ id }: SessionRef): Promise<readonly CommandState[]> {
    return [...(this.#byId.get(id)?.values() ?? [])].map(({ run }) => run.state);
  }

  async *events(
    command: CommandRef,
    after: number,
    signal?: AbortSignal,
  ): AsyncGenerator<NumberedEvent<RunnerCommandEvent>> {
    const { run, owner } = this.#find(command);
    yield* run.paced(this.#logs.read({ tenant: '', principalId: owner, id: command.id }, after, signal));
  }

  async last(command: CommandRef): Promise<number> {
    const { owner } = this.#find(command);
    return this.#logs.find({ tenant: '', principalId: owner, id: command.id })?.last ?? 0;
  }

  async ended(command: CommandRef): Promise<CommandEnding> {
    return this.#find(command).run.ended;
  }

  async write(command: CommandRef, base64: string): Promise<void> {
    await this.#find(command).run.write(Buffer.from(base64, 'base64'));
  }

  async closeInput(command: CommandRef): Promise<void> {
    this.#find(command).run.closeInput();
  }

  async signal(command: CommandRef, signal: Parameters<CommandRun['signal']>[0]): Promise<void> {
    this.#find(command).run.signal(signal);
  }

  async resize(command: CommandRef, size: Parameters<CommandRun['resize']>[0]): Promise<void> {
    this.#find(command).run.resize(size);
  }

  async delete(command: CommandRef): Promise<void> {
    const { run, owner } = this.#find(command);
    const forget = () => {
      this.#forget(command.session.id, command.id);
      this.#logs.delete({ tenant: '', principalId: owner, id: command.id });
    };
    if (run.hasEnded) return forget();
    run.signal('SIGKILL');
    void run.ended.then(forget);
  }

  #find({ session, id }: CommandRef): Entry {
    const entry = this.#byId.get(session.id)?.get(id);
    if (!entry) throw new DragomanError('not_found', { message: 'Command not found' });
    return entry;
  }

  #forget(sessionId: string, id: string): void {
    const own = this.#byId.get(sessionId);
    own?.delete(id);
    if (own?.size === 0) this.#byId.delete(sessionId);
  }
}
