import { type ExecutionEvent, type ExecutionResult, type Limits, newId } from '../core/index.ts';
import { type Order, toolAllowance } from '../guest-protocol/index.ts';
import type { ExitStatus, Sandbox } from '../sandbox/index.ts';
import { addEpilogue, type EpilogueOptions } from './epilogue.ts';
import { type Ending, outcomeOf } from './outcome.ts';
import { Output } from './output.ts';
import { doesNotFit } from './staging.ts';
import { type CallBroker, connectTools } from './tools/index.ts';
import { WallClock } from './wall-clock.ts';

export interface RunOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ExecutionEvent) => void) | undefined;
  /** The tools that the code may call; for one execution only. */
  readonly tools?: CallBroker | undefined;
  /** Absent: stderr ends as the program left it. */
  readonly epilogue?: EpilogueOptions | undefined;
}

/** A program that still runs after this long gives way to short ones. */
const backgroundAfterMs = 1000;

/** What to send to the guest so that it runs a program: orders that are in memory, none of them a stream. */
export interface Run {
  readonly before: readonly Order[];
  /** The order that starts the program; its end is claimed under this token. */
  start(token: string): Order;
}

/**
 * Runs one program in a sandbox within its limits. When this resolves, everything the program wrote is in the result,
 * and the sandbox is frozen or dead unless the guest said that the program is done.
 * @throws DragomanError invalid_request when the staged files did not fit the workspace
 */
export async function runIn(
  sandbox: Sandbox,
  run: Run,
  options: RunOptions,
): Promise<Omit<ExecutionResult, 'artifactsTruncated' | 'stage' | 'compileUsage'>> {
  const { limits, signal, onEvent, tools, epilogue } = options;
  const token = newId();
  const cpuMsBefore = sandbox.cpuMs();
  const stdout = new Output(limits.outputBytes);
  const stderr = new Output(limits.outputBytes);
  const { promise: ended, resolve: end } = Promise.withResolvers<Ending>();

  const collect = (type: 'stdout' | 'stderr', output: Output) => (chunk: Uint8Array) => {
    output.push(chunk);
    onEvent?.({ type, data: chunk });
    if (output.bytes > limits.floodBytes) end({ how: 'flooded' });
  };
  let fault: string | undefined;
  sandbox.link.listen(
    {
      stdout: collect('stdout', stdout),
      stderr: collect('stderr', stderr),
      claim(claim) {
        if (claim.claim === 'fault') {
          fault = claim.message;
          end({ how: 'cancelled' });
        }
        if (!('token' in claim) || claim.token !== token) return;
        // Only the first ending counts, so a forged claim can only end its own program early.
        if (claim.claim === 'done') end({ how: 'done', code: claim.code, signal: claim.signal });
        else tools?.hear(claim);
      },
    },
    tools && toolAllowance,
  );
  sandbox.exited.then((status: ExitStatus) => end({ how: 'exited', ...status }));
  const cancel = () => end({ how: 'cancelled' });
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });

  const clock = new WallClock();
  if (tools) connectTools(tools, sandbox, { clock, onEvent, abandon: cancel });
  let ending: Ending;
  try {
    // A guest may stop reading its orders, so sending them is under the deadline too.
    for (const order of run.before) void sandbox.link.send(order);
    void sandbox.link.send(run.start(token));
    clock.at(limits.wallMs, () => end({ how: 'timed_out' }));
    clock.at(backgroundAfterMs, () => sandbox.background(true));
    ending = await ended;
  } finally {
    clock.stop();
    tools?.close();
    signal?.removeEventListener('abort', cancel);
  }
  if (ending.how !== 'done' && ending.how !== 'exited') await sandbox.freeze();
  if (fault !== undefined) throw doesNotFit(fault);
  // What is killed in a sandbox that runs one program is the program's.
  const { cpuMs, peakMemoryBytes, oomKills } = await sandbox.usage();
  const usage = { wallMs: clock.elapsedMs, cpuMs: Math.max(0, cpuMs - cpuMsBefore), peakMemoryBytes };
  const broken = sandbox.violation !== undefined;
  const outcome = outcomeOf(ending, { oomKilled: oomKills > 0, broken });
  const data = epilogue && addEpilogue(stderr, outcome, epilogue);
  if (data) onEvent?.({ type: 'stderr', data });
  return {
    ...outcome,
    stdout: stdout.text(),
    stderr: stderr.text(),
    usage,
  };
}
