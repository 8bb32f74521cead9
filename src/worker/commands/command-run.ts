import type { CommandSignal, CommandStream, TerminalSize } from '../../core/index.ts';
import type { EngineCommand, EngineSession } from '../../engine/index.ts';
import type { EventWriter, NumberedEvent } from '../../event-log/index.ts';
import {
  type CommandEnding,
  type CommandOrder,
  type CommandState,
  jobOutput,
  type RunnerCommandEvent,
} from '../../runner/index.ts';
import { Pace } from './pace.ts';

/** Bytes that are on their way out of a sandbox for one command. */
const windowBytes = 256 * 1024;
/** What a frame of output costs of it besides its bytes, as the guest counts. */
const frameBytes = 69;
/** How soon it is tried again to let a command go on that is held up. */
const heldMs = 20;
/** Between the request to end and the end by force. */
const graceMs = 2000;
/** After the end by force, for the guest to report it; then its sandbox does not answer. */
const killMs = 10_000;

type Numbered = NumberedEvent<RunnerCommandEvent>;

export interface CommandRunParts {
  readonly order: CommandOrder;
  readonly log: EventWriter<RunnerCommandEvent>;
  readonly now: () => number;
  /** Ends its sandbox, which does not answer. */
  readonly abandon: () => void;
}

/** A command on this worker: keeps what it says, within its pace, and ends it at its time. */
export class CommandRun {
  readonly #parts: CommandRunParts;
  readonly #pace: Pace;
  readonly #ended = Promise.withResolvers<CommandEnding>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #command: EngineCommand | undefined;
  #startedAt = 0;
  #terminal: TerminalSize | null;
  #ending: CommandEnding | null = null;
  /** Bytes of output so far. */
  #bytes = 0;
  #held: NodeJS.Timeout | undefined;

  constructor(parts: CommandRunParts) {
    this.#parts = parts;
    this.#terminal = parts.order.terminal;
    this.#pace = new Pace(windowBytes, parts.now);
  }

  get hasEnded(): boolean {
    return this.#ending !== null;
  }

  get ended(): Promise<CommandEnding> {
    return this.#ended.promise;
  }

  get state(): CommandState {
    const { order } = this.#parts;
    const pid = this.#command?.pid ?? 0;
    return { ...order, terminal: this.#terminal, pid, startedAt: this.#startedAt, ended: this.#ending };
  }

  /** @throws DragomanError invalid_request, rate_limited, sandbox_unavailable */
  async start(sandbox: EngineSession): Promise<void> {
    const { order, now } = this.#parts;
    const { argv, cwd, env, terminal, hasInput, deadline } = order;
    const onOutput = (stream: CommandStream, data: Uint8Array) => this.#hear(stream, data);
    const request = { argv, cwd, env, terminal, hasInput, window: windowBytes, onOutput };
    this.#command = await sandbox.startCommand(request);
    this.#startedAt = now();
    this.#after(Math.max(0, deadline - now()), () => this.#stop());
    void this.#command.done.then((end) => {
      this.#ending = { ...end, at: now() };
      for (const timer of this.#timers) clearTimeout(timer);
      clearTimeout(this.#held);
      this.#parts.log.append({ type: 'ended', end: this.#ending, at: this.#bytes });
      this.#parts.log.end();
      this.#ended.resolve(this.#ending);
    });
  }

  /** Events as a reader takes them, for whom the command waits. */
  async *paced(events: AsyncIterable<Numbered>): AsyncGenerator<Numbered> {
    const reader = this.#pace.add();
    try {
      for await (const each of events) {
        this.#pace.takes(reader, costBefore(each));
        yield each;
        this.#pace.takes(reader, costBefore(each) + costOf(each));
        this.#goOn();
      }
    } finally {
      this.#pace.remove(reader);
      this.#goOn();
    }
  }

  write(data: Uint8Array): Promise<void> {
    return this.#command!.write(data);
  }

  closeInput(): void {
    this.#command!.closeInput();
  }

  signal(signal: CommandSignal): void {
    this.#command?.signal(signal);
    if (signal === 'SIGKILL') this.#after(killMs, this.#parts.abandon);
  }

  resize(size: TerminalSize): void {
    this.#command!.resize(size);
    this.#terminal = size;
  }

  #hear(stream: CommandStream, data: Uint8Array): void {
    const said = jobOutput('stdout', data);
    this.#parts.log.append({ ...said, type: stream, at: this.#bytes });
    this.#bytes += data.length;
    this.#pace.said(data.length + frameBytes);
    this.#goOn();
  }

  /** Lets the command say more, as far as that is due now. */
  #goOn(): void {
    if (this.#ending || this.#held) return;
    const { bytes, isHeld } = this.#pace.grant(windowBytes);
    if (bytes > 0) this.#command?.more(bytes);
    if (!isHeld) return;
    this.#held = setTimeout(() => {
      this.#held = undefined;
      this.#goOn();
    }, heldMs);
  }

  /** Its time is over. */
  #stop(): void {
    this.#command!.signal('SIGTERM', 'timed_out');
    this.#after(graceMs, () => {
      this.#command!.signal('SIGKILL', 'timed_out');
      this.#after(killMs, this.#parts.abandon);
    });
  }

  #after(ms: number, work: () => void): void {
    if (this.#ending) return;
    // A longer time is that of the session, which ends before.
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        work();
      },
      Math.min(ms, 2 ** 31 - 1),
    );
    this.#timers.add(timer);
  }
}

/** What all events before this one cost together: each is one frame. */
function costBefore({ number, event }: Numbered): number {
  return event.at + (number - 1) * frameBytes;
}

function costOf({ event }: Numbered): number {
  if (event.type === 'ended') return 0;
  const bytes = 'text' in event ? Buffer.byteLength(event.text) : Buffer.byteLength(event.base64, 'base64');
  return bytes + frameBytes;
}
