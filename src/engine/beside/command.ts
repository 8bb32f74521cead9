import {
  type CommandEnd,
  type CommandSignal,
  type CommandStream,
  DragomanError,
  type TerminalSize,
} from '../../core/index.ts';
import { type Aside, besideOrders as orders } from '../../guest-protocol/index.ts';
import type { CommandRequest, EngineCommand } from './port.ts';
import { gone, type SideChannel } from './side-channel.ts';

/** Longest words of the guest: that it started or was refused, that it ended, that input was taken. */
const [startBytes, endBytes, takenBytes] = [4000, 200, 200];
/** Input is told as taken in steps of at least so many bytes. */
const takenStep = 4096;
/** The guest starts a program within this time, or its sandbox does not answer. */
const startMs = 15_000;
/** Input that the program has not read yet, and how long more of it waits. */
const maxInputBytes = 1024 * 1024;
const inputWaitMs = 5000;

const streams: readonly CommandStream[] = ['stdout', 'stderr', 'terminal'];

/** A command in a sandbox, as its guest tells of it. */
export class SandboxCommand implements EngineCommand {
  pid = 0;
  readonly done: Promise<CommandEnd & { readonly cpuMs: number }>;
  readonly #channel: SideChannel;
  readonly #id: number;
  readonly #request: CommandRequest;
  readonly #started = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<CommandEnd & { readonly cpuMs: number }>();
  readonly #oomKills: () => Promise<number>;
  #oomBefore = 0;
  #isInputOpen: boolean;
  /** Bytes of input that were sent and not taken. */
  #untaken = 0;
  #hasEnded = false;
  /** Waiters for room. */
  readonly #waiting = new Set<() => void>();
  #signalled: 'killed' | 'timed_out' | undefined;

  /** @param oomKills how many processes of the sandbox the kernel has killed for memory so far */
  constructor(channel: SideChannel, request: CommandRequest, oomKills: () => Promise<number>) {
    this.#channel = channel;
    this.#id = channel.next();
    this.#request = request;
    this.#oomKills = oomKills;
    this.#isInputOpen = request.hasInput || request.terminal !== null;
    this.done = this.#ended.promise;
  }

  /** Resolves when the program runs. @throws DragomanError invalid_request, sandbox_unavailable */
  async start(): Promise<void> {
    const { argv, cwd, env, terminal, hasInput, window } = this.#request;
    this.#oomBefore = await this.#oomKills();
    this.#channel.listen(this.#id, (aside) => this.#hear(aside));
    const timer = setTimeout(() => this.#lose(), startMs * this.#channel.pace);
    const command = { argv, folder: cwd, env, terminal, input: hasInput, grant: window };
    void this.#channel.send(orders.command(this.#id, command), window + startBytes + endBytes, 3);
    try {
      await this.#started.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  more(bytes: number): void {
    if (!this.#hasEnded) void this.#channel.send(orders.grant(this.#id, bytes), bytes, 0);
  }

  async write(data: Uint8Array): Promise<void> {
    await this.#room(data.length);
    this.#requireInput();
    this.#untaken += data.length;
    const words = Math.ceil(data.length / takenStep) + 1;
    void this.#channel.send(orders.input(this.#id, data), words * takenBytes, words);
  }

  closeInput(): void {
    if (!this.#isInputOpen || this.#hasEnded) return;
    if (this.#request.terminal) {
      // On a terminal the end of input is a character.
      void this.#channel.send(orders.input(this.#id, Buffer.of(4)), takenBytes);
      return;
    }
    this.#isInputOpen = false;
    void this.#channel.send(orders.endInput(this.#id), takenBytes);
  }

  signal(signal: CommandSignal, as: 'killed' | 'timed_out' = 'killed'): void {
    if (this.#hasEnded) return;
    this.#signalled ??= as;
    void this.#channel.send(orders.signal(this.#id, signal), 0, 0);
  }

  resize(size: TerminalSize): void {
    if (!this.#request.terminal) throw new DragomanError('conflict', { message: 'The command has no terminal.' });
    if (!this.#hasEnded) void this.#channel.send(orders.resize(this.#id, size), 0, 0);
  }

  #hear(aside: Aside | undefined): void {
    switch (aside?.aside) {
      case undefined:
        this.#lose();
        return;
      case 'started':
        this.pid = aside.pid;
        this.#started.resolve();
        return;
      case 'refused':
        this.#channel.forget(this.#id);
        this.#started.reject(refusal(aside));
        return;
      case 'data': {
        const stream = streams[aside.stream];
        if (stream && this.pid > 0) this.#request.onOutput(stream, aside.data);
        return;
      }
      case 'taken':
        this.#untaken = Math.max(0, this.#untaken - aside.bytes);
        if (aside.closed) this.#isInputOpen = false;
        this.#wake();
        return;
      case 'ended':
        void this.#end(aside);
    }
  }

  async #end({ code, signal, cpuMs }: Extract<Aside, { aside: 'ended' }>): Promise<void> {
    const isKilled = signal === 'SIGKILL' && this.#signalled === undefined;
    const outOfMemory = isKilled && (await this.#oomKills().catch(() => 0)) > this.#oomBefore;
    const reason = outOfMemory
      ? 'out_of_memory'
      : signal !== null || this.#signalled === 'timed_out'
        ? this.#signalled
        : undefined;
    this.#finish({ reason: reason ?? 'exited', code, signal, cpuMs });
  }

  /** The sandbox has ended, or does not answer. */
  #lose(): void {
    this.#started.reject(gone());
    this.#finish({ reason: 'sandbox_gone', code: null, signal: null, cpuMs: 0 });
  }

  #finish(end: CommandEnd & { readonly cpuMs: number }): void {
    this.#hasEnded = true;
    this.#isInputOpen = false;
    this.#channel.forget(this.#id);
    this.#ended.resolve(end);
    this.#wake();
  }

  /** Waits until there is room for so much input. */
  async #room(bytes: number): Promise<void> {
    const late = performance.now() + inputWaitMs;
    for (this.#requireInput(); this.#untaken > 0 && this.#untaken + bytes > maxInputBytes; this.#requireInput()) {
      const left = late - performance.now();
      if (left <= 0)
        throw new DragomanError('rate_limited', {
          message: 'The command does not read its input: what came before still waits.',
          retryAfterSeconds: 5,
        });
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        const wake = () => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  #requireInput(): void {
    if (this.#hasEnded) throw new DragomanError('conflict', { message: 'The command has ended.' });
    if (!this.#isInputOpen) throw new DragomanError('conflict', { message: 'The input of the command is closed.' });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

function refusal({ reason, message }: { reason: string; message: string }): DragomanError {
  if (reason === 'busy') return new DragomanError('rate_limited', { message, retryAfterSeconds: 5 });
  const said = reason === 'program' ? `The program cannot be started: ${message}` : message;
  return new DragomanError('invalid_request', { message: said });
}
