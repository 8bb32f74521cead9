import { type CommandSignal, DragomanError, type FileEntry } from '../../src/core/index.ts';
import { MemoryEventLog } from '../../src/event-log/index.ts';
import type {
  CommandEnding,
  CommandOrder,
  CommandRef,
  CommandRunner,
  CommandState,
  FileQuestion,
  RunnerCommandEvent,
  SandboxFileRunner,
  SessionRef,
} from '../../src/runner/index.ts';

type IsLive = (session: SessionRef) => boolean;

interface Command {
  state: CommandState;
  readonly key: { tenant: string; principalId: string; id: string };
  readonly session: string;
  readonly ended: PromiseWithResolvers<CommandEnding>;
  bytes: number;
  tell(text: string): void;
  end(end: Pick<CommandEnding, 'reason' | 'code' | 'signal'>): void;
}

/** Commands in memory: `echo` prints its arguments, `cat` its input, and anything else goes on until a signal ends it. */
export class ScriptedCommands implements CommandRunner {
  readonly #isLive: IsLive;
  readonly #commands: Command[] = [];
  readonly #logs = new MemoryEventLog<RunnerCommandEvent>({
    maxLogs: 100,
    maxBytes: 1e6,
    maxLogBytes: 1e6,
    ttlMs: 60_000,
  });

  constructor(isLive: IsLive) {
    this.#isLive = isLive;
  }

  async start(session: SessionRef, owner: string, order: CommandOrder): Promise<CommandState | null> {
    if (!this.#isLive(session)) return null;
    if (order.argv[0]!.startsWith('no-such'))
      throw new DragomanError('invalid_request', { message: 'The program cannot be started' });
    const key = { tenant: '', principalId: owner, id: order.id };
    const log = this.#logs.create(key);
    const command: Command = {
      state: { ...order, pid: this.#commands.length + 2, startedAt: Date.now(), ended: null },
      key,
      session: session.id,
      ended: Promise.withResolvers(),
      bytes: 0,
      tell(text) {
        log.append({ type: order.terminal ? 'terminal' : 'stdout', at: command.bytes, text });
        command.bytes += Buffer.byteLength(text);
      },
      end(how) {
        if (command.state.ended) return;
        const end = { ...how, at: Date.now(), cpuMs: 1 };
        command.state = { ...command.state, ended: end };
        log.append({ type: 'ended', end, at: command.bytes });
        log.end();
        command.ended.resolve(end);
      },
    };
    this.#commands.push(command);
    if (order.argv[0] === 'echo') {
      command.tell(`${order.argv.slice(1).join(' ')}\n`);
      command.end({ reason: 'exited', code: 0, signal: null });
    }
    return command.state;
  }

  async list({ id }: SessionRef): Promise<readonly CommandState[]> {
    return this.#commands.filter(({ session }) => session === id).map(({ state }) => state);
  }

  events(command: CommandRef, after: number, signal?: AbortSignal) {
    return this.#logs.read(this.#find(command).key, after, signal);
  }

  async last(command: CommandRef): Promise<number> {
    return this.#logs.find(this.#find(command).key)?.last ?? 0;
  }

  async ended(command: CommandRef): Promise<CommandEnding> {
    return this.#find(command).ended.promise;
  }

  async write(command: CommandRef, base64: string): Promise<void> {
    const { state, tell } = this.#find(command);
    if (!state.hasInput || state.ended) throw new DragomanError('conflict');
    if (state.argv[0] === 'cat') tell(Buffer.from(base64, 'base64').toString());
  }

  async closeInput(command: CommandRef): Promise<void> {
    const { state, end } = this.#find(command);
    if (state.argv[0] === 'cat') end({ reason: 'exited', code: 0, signal: null });
  }

  async signal(command: CommandRef, signal: CommandSignal): Promise<void> {
    this.#find(command).end({ reason: 'killed', code: null, signal });
  }

  async resize(command: CommandRef, terminal: { columns: number; rows: number }): Promise<void> {
    const found = this.#find(command);
    if (!found.state.terminal) throw new DragomanError('conflict');
    found.state = { ...found.state, terminal };
  }

  async delete(command: CommandRef): Promise<void> {
    const found = this.#find(command);
    found.end({ reason: 'killed', code: null, signal: 'SIGKILL' });
    this.#commands.splice(this.#commands.indexOf(found), 1);
    this.#logs.delete(found.key);
  }

  /** The sandbox of a session has ended. */
  drop(sessionId: string): void {
    for (const { session, end } of this.#commands)
      if (session === sessionId) end({ reason: 'sandbox_gone', code: null, signal: null });
  }

  #find({ session, id }: CommandRef): Command {
    const found = this.#commands.find(({ state, session: own }) => state.id === id && own === session.id);
    if (!found) throw new DragomanError('not_found', { message: 'Command not found' });
    return found;
  }
}

/** Files in memory, by absolute path. A directory is a path that others begin with. */
export class ScriptedFiles implements SandboxFileRunner {
  readonly #isLive: IsLive;
  readonly #files = new Map<string, Buffer>();

  constructor(isLive: IsLive) {
    this.#isLive = isLive;
  }

  async ask(session: SessionRef, question: FileQuestion) {
    if (!this.#isLive(session)) return null;
    const path = absolute(question.path);
    const below = [...this.#files.keys()].filter((each) => each.startsWith(`${path}/`));
    if (question.do !== 'make' && !this.#files.has(path) && below.length === 0) throw new DragomanError('not_found');
    switch (question.do) {
      case 'stat':
        return { entries: [this.#entry(path)], truncated: false };
      case 'list':
        return { entries: below.map((each) => this.#entry(each)), truncated: false };
      case 'make':
        if (below.length > 0) throw new DragomanError('conflict');
        this.#files.set(`${path}/`, Buffer.alloc(0));
        return { entries: [this.#entry(path)], truncated: false };
      case 'remove':
        for (const each of [path, ...below]) this.#files.delete(each);
        return { entries: [], truncated: false };
      case 'move': {
        this.#files.set(absolute(question.to), this.#files.get(path)!);
        this.#files.delete(path);
        return { entries: [this.#entry(absolute(question.to))], truncated: false };
      }
    }
  }

  async read(session: SessionRef, path: string, { start, end }: { start: number; end: number | null }) {
    if (!this.#isLive(session)) return null;
    const content = this.#files.get(absolute(path));
    if (!content) throw new DragomanError('not_found');
    async function* bytes() {
      yield content!.subarray(start, end ?? undefined);
    }
    return { entry: this.#entry(absolute(path)), size: content.length, bytes: bytes() };
  }

  async write(session: SessionRef, path: string, content: AsyncIterable<Uint8Array>) {
    if (!this.#isLive(session)) return null;
    this.#files.set(absolute(path), Buffer.concat(await Array.fromAsync(content)));
    return this.#entry(absolute(path));
  }

  async watch(session: SessionRef) {
    async function* none() {}
    return this.#isLive(session) ? none() : null;
  }

  #entry(path: string): FileEntry {
    const content = this.#files.get(path);
    return {
      path,
      name: path.slice(path.lastIndexOf('/') + 1),
      kind: content ? 'file' : 'directory',
      targetKind: null,
      target: null,
      size: content?.length ?? 0,
      mode: content ? 0o644 : 0o755,
      modifiedAt: 0,
      user: 'user',
      group: 'user',
    };
  }
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/mnt/data/${path}`;
}
