import { type ExecutionEvent, type ExecutionResult, type Limits, newId } from '../core/index.ts';
import type { ClaimAllowance, ExitStatus, GuestFrame, Sandbox } from '../sandbox/index.ts';
import { type Ending, outcomeOf } from './outcome.ts';
import { Output } from './output.ts';
import { doesNotFit } from './staging.ts';
import { connectTools, type ToolBroker } from './tools/index.ts';
import { WallClock } from './wall-clock.ts';

export interface RunOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ExecutionEvent) => void) | undefined;
  /** What the code may call; for one execution only. */
  readonly tools?: ToolBroker | undefined;
}

/** A program that still runs after this long is no short one: it makes way for those that are. */
const backgroundAfterMs = 1000;

/** Calls of tools, with their input. */
export const toolAllowance: ClaimAllowance = {
  claims: 5000,
  claimBytes: 8 * 1024 * 1024,
  bytes: 64 * 1024 * 1024,
  values: 1_000_000,
};

/** What to send to the guest: the frames that lead to a program's start, the last of them a `run` or `program`. */
export type Orders = readonly { readonly frame: GuestFrame; readonly body?: Uint8Array }[];

/**
 * Lets a sandbox run one program or cell within its limits. When this resolves everything the program wrote is in the result,
 * and the sandbox is frozen or dead unless the guest said that the program is done.
 * @throws DragomanError invalid_request when the staged files did not fit the workspace
 */
export async function runIn(
  sandbox: Sandbox,
  orders: Orders,
  options: RunOptions,
): Promise<Omit<ExecutionResult, 'artifactsTruncated' | 'stage' | 'compileUsage'>> {
  const { limits, signal, onEvent, tools } = options;
  const token = newId();
  const stdout = new Output(limits.outputBytes);
  const stderr = new Output(limits.outputBytes);
  const { promise: ended, resolve: end } = Promise.withResolvers<Ending>();

  const collect = (type: 'stdout' | 'stderr', output: Output) => (chunk: Uint8Array) => {
    output.push(chunk);
    onEvent?.({ type, data: chunk });
    if (output.bytes > limits.floodBytes) end({ how: 'flooded' });
  };
  let fault: string | undefined;
  sandbox.listen(
    {
      stdout: collect('stdout', stdout),
      stderr: collect('stderr', stderr),
      claim(claim) {
        if (claim.claim === 'fault') {
          fault = claim.message;
          end({ how: 'cancelled' });
        }
        if (!('token' in claim) || claim.token !== token) return;
        // Only the first ending counts, so a forged claim can but end its own program early.
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

  const before = sandbox.usage();
  const clock = new WallClock();
  clock.at(limits.wallMs, () => end({ how: 'timed_out' }));
  clock.at(backgroundAfterMs, () => sandbox.background(true));
  if (tools) connectTools(tools, sandbox, { clock, onEvent, abandon: cancel });
  let ending: Ending;
  try {
    // A guest that has run cells may not read its orders any more: sending them is under the deadline too.
    void send(sandbox, orders, token);
    ending = await ended;
  } finally {
    clock.stop();
    tools?.close();
    signal?.removeEventListener('abort', cancel);
  }
  if (ending.how === 'done') sandbox.drain();
  else if (ending.how !== 'exited') await sandbox.freeze();
  if (fault !== undefined) throw doesNotFit(fault);
  const after = sandbox.usage();
  const usage = {
    wallMs: clock.elapsedMs,
    cpuMs: Math.max(0, after.cpuMs - before.cpuMs),
    peakMemoryBytes: after.peakMemoryBytes,
  };
  const broken = sandbox.violation !== undefined;
  return {
    ...outcomeOf(ending, { oomKilled: after.oomKills > before.oomKills, broken }),
    stdout: stdout.text(),
    stderr: stderr.text(),
    usage,
  };
}

const starts = new Set(['run', 'program']);

async function send(sandbox: Sandbox, orders: Orders, token: string): Promise<void> {
  for (const { frame, body } of orders) await sandbox.send(starts.has(frame.op) ? { ...frame, token } : frame, body);
}
