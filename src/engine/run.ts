import { type ExecutionEvent, type ExecutionResult, type Limits, newId } from '../core/index.ts';
import type { ExitStatus, GuestFrame, Sandbox } from '../isolation/index.ts';
import { type Ending, outcomeOf } from './outcome.ts';
import { Output } from './output.ts';
import { doesNotFit } from './staging.ts';

export interface RunOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ExecutionEvent) => void) | undefined;
}

/** A program that still runs after this long is no short one: it makes way for those that are. */
const backgroundAfterMs = 1000;

/** What to send to the guest: the frames that lead to a program's start, the last of them a `run`. */
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
): Promise<Omit<ExecutionResult, 'artifactsTruncated'>> {
  const { limits, signal, onEvent } = options;
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
  sandbox.listen({
    stdout: collect('stdout', stdout),
    stderr: collect('stderr', stderr),
    claim(claim) {
      // Only the first ending counts, so a forged claim can but end its own program early.
      if (claim.claim === 'done' && claim.token === token) end({ how: 'done', code: claim.code, signal: claim.signal });
      if (claim.claim === 'fault') {
        fault = claim.message;
        end({ how: 'cancelled' });
      }
    },
  });
  sandbox.exited.then((status: ExitStatus) => end({ how: 'exited', ...status }));
  const cancel = () => end({ how: 'cancelled' });
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });

  const before = sandbox.usage();
  const started = performance.now();
  const deadline = setTimeout(() => end({ how: 'timed_out' }), limits.wallMs);
  const background = setTimeout(() => sandbox.background(true), backgroundAfterMs);
  let ending: Ending;
  try {
    // A guest that has run cells may not read its orders any more: sending them is under the deadline too.
    void send(sandbox, orders, token);
    ending = await ended;
  } finally {
    clearTimeout(deadline);
    clearTimeout(background);
    signal?.removeEventListener('abort', cancel);
  }
  const wallMs = performance.now() - started;
  if (ending.how === 'done') sandbox.drain();
  else if (ending.how !== 'exited') await sandbox.freeze();
  if (fault !== undefined) throw doesNotFit(fault);
  const after = sandbox.usage();
  const usage = {
    wallMs,
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

async function send(sandbox: Sandbox, orders: Orders, token: string): Promise<void> {
  for (const { frame, body } of orders) await sandbox.send(frame.op === 'run' ? { ...frame, token } : frame, body);
}
