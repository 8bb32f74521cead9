import { DragomanError, type Limits } from '../core/index.ts';
import type { Sandbox } from '../sandbox/index.ts';

/** A file to be in the workspace before the program starts. */
export interface EngineInput {
  readonly path: string;
  readonly size: number;
  /** sha256 in lower-case hexadecimal. */
  readonly digest: string;
  readonly readOnly: boolean;
  /** Exactly `size` bytes. */
  open(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

/**
 * Writes the inputs into a sandbox's workspace. They arrive before whatever is sent next.
 * @throws DragomanError invalid_request when they do not fit: LibreChat's client sends again, for ever, what is refused otherwise
 */
export async function stage(sandbox: Sandbox, inputs: readonly EngineInput[], limits: Limits): Promise<void> {
  const total = inputs.reduce((sum, input) => sum + input.size, 0);
  if (total > limits.workspaceBytes) {
    throw new DragomanError('invalid_request', {
      message: `the input files exceed the workspace of ${limits.workspaceBytes} bytes`,
    });
  }
  let fault: string | undefined;
  sandbox.listen({
    stdout() {},
    stderr() {},
    claim(claim) {
      if (claim.claim === 'fault') fault ??= claim.message;
    },
  });
  for (const input of inputs) {
    const mode = input.readOnly ? 0o444 : 0o644;
    await sandbox.send(
      { op: 'write', path: input.path, size: input.size, mode },
      exactly(input.size, await input.open()),
    );
    if (fault !== undefined) throw doesNotFit(fault);
  }
}

/** What the guest reports when it could not write a file. */
export function doesNotFit(fault: string): DragomanError {
  return new DragomanError('invalid_request', { message: `the files do not fit: ${fault}` });
}

/** A short or long stream would shift every later frame: both are faults of ours. */
async function* exactly(size: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = size;
  for await (const chunk of source) {
    left -= chunk.length;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0) throw new Error('a stored file does not have its recorded size');
}
