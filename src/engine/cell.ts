import { type InterpreterState, newId } from '../core/index.ts';
import { type Claim, cellAllowance, type Order, orders, toolCellAllowance } from '../guest-protocol/index.ts';
import type { Sandbox, SandboxUsage } from '../sandbox/index.ts';
import { addEpilogue } from './epilogue.ts';
import { type Ending, outcomeOf } from './outcome.ts';
import { Output } from './output.ts';
import type { CellEnd } from './port.ts';
import { RichOutputs } from './rich-outputs.ts';
import type { RunOptions } from './run.ts';
import { SandboxGone } from './sandbox-gone.ts';
import { connectTools } from './tools/index.ts';
import { WallClock } from './wall-clock.ts';
import { whenExited } from './when-exited.ts';

export interface CellOptions extends RunOptions {
  /** The sandbox has been frozen since the last cell. */
  readonly isFrozen: boolean;
  /** Whether the sandbox may be frozen while the cell waits for its caller. */
  readonly mayFreeze: () => boolean;
}

/** Why a cell is being stopped. */
type Stop = 'timed_out' | 'cancelled' | 'flooded';

type CellEnding = Ending & { readonly interpreter?: InterpreterState };

/** After an interrupt, for the code to end with its interpreter alive; then its kernel is killed. These and the next are longer where the sandbox is slow. */
const graceMs = 1000;
/** After the kill, for the supervisor to report it. */
const killMs = 2000;
/** A cell that still runs after this long gives way to short ones. */
const backgroundAfterMs = 1000;

/** One cell in a live session's sandbox. A limit first interrupts the code, so that variables survive where they can. */
export class Cell {
  /**
   * Resolves when the cell is over and everything it wrote is in the result. The sandbox is thawed then, unless it is unresponsive,
   * when it is frozen. Rejects with `SandboxGone` alone: the sandbox died before any of the code ran.
   */
  readonly done: Promise<CellEnd>;
  readonly #sandbox: Sandbox;
  readonly #options: CellOptions;
  readonly #token = newId();
  readonly #ending = Promise.withResolvers<CellEnding>();
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #rich = new RichOutputs();
  readonly #clock = new WallClock();
  #timers: NodeJS.Timeout[] = [];
  #stop: Stop | undefined;
  /** The order has been sent; an interrupt before it would be about an unknown cell. */
  #isSent = false;
  #isInterrupted = false;
  /** The supervisor has accepted the cell. */
  #isStarted = false;
  #isUnresponsive = false;
  #isOver = false;

  /** Begins at once. `order` makes the order of the cell for a token. */
  constructor(sandbox: Sandbox, order: (token: string) => Order, options: CellOptions) {
    this.#sandbox = sandbox;
    this.#options = options;
    this.#stdout = new Output(options.limits.outputBytes);
    this.#stderr = new Output(options.limits.outputBytes);
    this.done = this.#run(order(this.#token));
  }

  /** The sandbox no longer answers; all that is left is to destroy it. */
  get isUnresponsive(): boolean {
    return this.#isUnresponsive;
  }

  /** As Ctrl-C on a terminal; nothing once the cell is over. */
  interrupt(): void {
    if (this.#isOver) return;
    this.#isInterrupted = true;
    if (!this.#isSent) return;
    this.#options.tools?.wake();
    // The code has to react soon, however busy the machine is. If it does not, it gives way again.
    this.#sandbox.background(false);
    this.#after(graceMs * this.#sandbox.pace, () => this.#sandbox.background(this.#stop === undefined));
    void this.#sandbox.link.send(orders.interrupt(this.#token));
  }

  async #run(order: Order): Promise<CellEnd> {
    const sandbox = this.#sandbox;
    const { limits, signal, onEvent, tools, isFrozen, mayFreeze } = this.#options;
    const cancel = () => this.#halt('cancelled');
    const forget = whenExited(sandbox, (status) => this.#ending.resolve({ how: 'exited', ...status }));
    let ending: CellEnding;
    let before: SandboxUsage;
    try {
      // Drop output that leftover threads wrote after the last cell ended and before the freeze.
      if (!isFrozen) await sandbox.link.flush();
      this.#listen();
      before = await sandbox.usage();
      this.#clock.at(limits.wallMs, () => this.#halt('timed_out'));
      this.#clock.at(backgroundAfterMs, () => sandbox.background(true));
      if (tools) connectTools(tools, sandbox, { clock: this.#clock, onEvent, abandon: cancel, mayFreeze });
      void sandbox.link.send(order);
      this.#isSent = true;
      if (this.#isInterrupted) this.interrupt();
      if (signal?.aborted) cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      // The order is there when the sandbox wakes up.
      await sandbox.thaw();
      ending = await this.#ending.promise;
    } catch (error) {
      if (!this.#isStarted) throw new SandboxGone(error);
      throw error;
    } finally {
      this.#isOver = true;
      for (const timer of this.#timers) clearTimeout(timer);
      this.#clock.stop();
      forget();
      tools?.close();
      signal?.removeEventListener('abort', cancel);
    }
    if (ending.how === 'exited' && !this.#isStarted && this.#stop === undefined) throw new SandboxGone();
    sandbox.background(false);
    if (ending.how !== 'done' && ending.how !== 'exited') await sandbox.freeze();
    return this.#result(ending, before, await sandbox.usage());
  }

  #listen(): void {
    const { limits, onEvent, tools } = this.#options;
    const collect = (type: 'stdout' | 'stderr', output: Output) => (chunk: Uint8Array) => {
      output.push(chunk);
      onEvent?.({ type, data: chunk });
      if (output.bytes > limits.floodBytes) this.#halt('flooded');
    };
    this.#sandbox.link.listen(
      {
        stdout: collect('stdout', this.#stdout),
        stderr: collect('stderr', this.#stderr),
        claim: (claim) => this.#hear(claim),
      },
      tools ? toolCellAllowance : cellAllowance,
    );
  }

  #hear(claim: Claim): void {
    if (!('token' in claim) || claim.token !== this.#token) return;
    switch (claim.claim) {
      case 'started':
        this.#isStarted = true;
        return;
      case 'done':
        this.#ending.resolve({ ...claim, how: 'done' });
        return;
      case 'event': {
        const after = { stdout: this.#stdout.bytes, stderr: this.#stderr.bytes };
        const event = this.#rich.push(claim.event, after);
        if (event) this.#options.onEvent?.(event);
        const { mark } = claim.event;
        if (Number.isSafeInteger(mark)) void this.#sandbox.link.send(orders.seen(this.#token, mark as number));
        return;
      }
      default:
        this.#options.tools?.hear(claim);
    }
  }

  #result(ending: CellEnding, before: SandboxUsage, after: SandboxUsage): CellEnd {
    const interpreter = ending.how === 'done' ? (ending.interpreter ?? 'none') : 'lost';
    const outcome = this.#outcome(ending, interpreter, after.oomKills > before.oomKills);
    const { epilogue, onEvent } = this.#options;
    const data = epilogue && addEpilogue(this.#stderr, outcome, epilogue);
    if (data) onEvent?.({ type: 'stderr', data });
    return {
      ...outcome,
      stdout: this.#stdout.text(),
      stderr: this.#stderr.text(),
      outputs: this.#rich.outputs,
      outputsTruncated: this.#rich.truncated,
      error: this.#rich.error,
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

  /** Interrupts the code; if that does not end it, kills its kernel; if that fails too, gives the sandbox up. */
  #halt(stop: Stop): void {
    if (this.#stop !== undefined) return;
    this.#stop = stop;
    this.interrupt();
    const { pace } = this.#sandbox;
    this.#after(graceMs * pace, () => {
      void this.#sandbox.link.send(orders.kill(this.#token));
      this.#after(killMs * pace, () => {
        this.#isUnresponsive = true;
        this.#ending.resolve({ how: stop });
      });
    });
  }

  #after(ms: number, then: () => void): void {
    this.#timers.push(setTimeout(then, ms));
  }
}
