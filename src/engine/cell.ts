import { type InterpreterState, newId } from '../core/index.ts';
import { cellAllowance, type Order, orders, toolCellAllowance } from '../guest-protocol/index.ts';
import type { Sandbox } from '../sandbox/index.ts';
import { type Ending, outcomeOf } from './outcome.ts';
import { Output } from './output.ts';
import type { CellEnd } from './port.ts';
import { RichOutputs } from './rich-outputs.ts';
import type { RunOptions } from './run.ts';
import { type CallBroker, connectTools } from './tools/index.ts';
import { WallClock } from './wall-clock.ts';
import { whenExited } from './when-exited.ts';

/** Why a cell is being stopped. */
type Stop = 'timed_out' | 'cancelled' | 'flooded';

/** After an interrupt, for the code to end with its interpreter alive; then its kernel is killed. */
const graceMs = 1000;
/** After the kill, for the supervisor to say so. */
const killMs = 2000;
/** A cell that still runs after this long makes way for short ones. */
const backgroundAfterMs = 1000;

/** One cell running in a live session's sandbox. A limit first interrupts it, so that variables survive where they can. */
export class Cell {
  /**
   * Resolves when the cell is over and everything it wrote is in the result. Never rejects. The sandbox is as it was: thawed,
   * unless it is deaf, when it is frozen.
   */
  readonly done: Promise<CellEnd>;
  readonly #sandbox: Sandbox;
  readonly #token = newId();
  readonly #end: (ending: Ending & { interpreter?: InterpreterState }) => void;
  #stop: Stop | undefined;
  #deaf = false;
  #over = false;
  readonly #tools: CallBroker | undefined;
  readonly #clock = new WallClock();
  #timers: NodeJS.Timeout[] = [];

  constructor(sandbox: Sandbox, order: (token: string) => Order, options: RunOptions) {
    this.#sandbox = sandbox;
    this.#tools = options.tools;
    const { promise, resolve } = Promise.withResolvers<Ending & { interpreter?: InterpreterState }>();
    this.#end = resolve;
    this.done = this.#run(order, options, promise);
  }

  /** The sandbox did not answer any more, and nothing but destroying it makes sense. */
  get deaf(): boolean {
    return this.#deaf;
  }

  /** As Ctrl-C on a terminal; nothing once it is over. */
  interrupt(): void {
    if (this.#over) return;
    this.#tools?.wake();
    // It has to hear of it soon, however busy the machine is; what goes on regardless makes way again.
    this.#sandbox.background(false);
    this.#after(graceMs, () => this.#sandbox.background(this.#stop === undefined));
    void this.#sandbox.send(orders.interrupt(this.#token));
  }

  async #run(
    order: (token: string) => Order,
    { limits, signal, onEvent }: RunOptions,
    ended: Promise<Ending & { interpreter?: InterpreterState }>,
  ): Promise<CellEnd> {
    const sandbox = this.#sandbox;
    const stdout = new Output(limits.outputBytes);
    const stderr = new Output(limits.outputBytes);
    const rich = new RichOutputs();
    const collect = (type: 'stdout' | 'stderr', output: Output) => (chunk: Uint8Array) => {
      output.push(chunk);
      onEvent?.({ type, data: chunk });
      if (output.bytes > limits.floodBytes) this.#halt('flooded');
    };
    sandbox.listen(
      {
        stdout: collect('stdout', stdout),
        stderr: collect('stderr', stderr),
        claim: (claim) => {
          if (!('token' in claim) || claim.token !== this.#token) return;
          if (claim.claim === 'done') {
            this.#end({ how: 'done', code: claim.code, signal: claim.signal, interpreter: claim.interpreter });
            return;
          }
          if (claim.claim !== 'event') {
            this.#tools?.hear(claim);
            return;
          }
          // What was printed before it comes before it.
          sandbox.drain();
          const event = rich.push(claim.event, { stdout: stdout.bytes, stderr: stderr.bytes });
          if (event) onEvent?.(event);
          const { mark } = claim.event;
          if (Number.isSafeInteger(mark)) void sandbox.send(orders.seen(this.#token, mark as number));
        },
      },
      this.#tools ? toolCellAllowance : cellAllowance,
    );
    const forget = whenExited(sandbox, (status) => this.#end({ how: 'exited', ...status }));
    const cancel = () => this.#halt('cancelled');
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    const before = sandbox.usage();
    this.#clock.at(limits.wallMs, () => this.#halt('timed_out'));
    this.#clock.at(backgroundAfterMs, () => sandbox.background(true));
    if (this.#tools) connectTools(this.#tools, sandbox, { clock: this.#clock, onEvent, abandon: cancel });
    let ending: Ending & { interpreter?: InterpreterState };
    try {
      void sandbox.send(order(this.#token));
      ending = await ended;
    } finally {
      this.#over = true;
      for (const timer of this.#timers) clearTimeout(timer);
      this.#clock.stop();
      forget();
      this.#tools?.close();
      signal?.removeEventListener('abort', cancel);
    }
    sandbox.background(false);
    if (ending.how === 'done') sandbox.drain();
    else if (ending.how !== 'exited') await sandbox.freeze();
    const after = sandbox.usage();
    const interpreter = ending.how === 'done' ? (ending.interpreter ?? 'none') : 'lost';
    return {
      ...this.#outcome(ending, interpreter, after.oomKills > before.oomKills),
      stdout: stdout.text(),
      stderr: stderr.text(),
      outputs: rich.outputs,
      outputsTruncated: rich.truncated,
      error: rich.error,
      interpreter,
      usage: {
        wallMs: this.#clock.elapsedMs,
        cpuMs: Math.max(0, after.cpuMs - before.cpuMs),
        peakMemoryBytes: after.peakMemoryBytes,
      },
      stage: 'run',
      compileUsage: null,
    };
  }

  #outcome(ending: Ending, interpreter: InterpreterState, oomKilled: boolean): ReturnType<typeof outcomeOf> {
    if (this.#stop === undefined)
      return outcomeOf(ending, { oomKilled, broken: this.#sandbox.violation !== undefined });
    const { outcome } = outcomeOf({ how: this.#stop }, { oomKilled, broken: false });
    return { outcome, exitCode: null, signal: interpreter === 'kept' ? 'SIGINT' : 'SIGKILL' };
  }

  /** Interrupts it; when that does not help, kills its kernel; when that does not help either, gives the sandbox up. */
  #halt(stop: Stop): void {
    if (this.#stop !== undefined) return;
    this.#stop = stop;
    this.interrupt();
    this.#after(graceMs, () => {
      void this.#sandbox.send(orders.kill(this.#token));
      this.#after(killMs, () => {
        this.#deaf = true;
        this.#end({ how: stop });
      });
    });
  }

  #after(ms: number, then: () => void): void {
    this.#timers.push(setTimeout(then, ms));
  }
}
