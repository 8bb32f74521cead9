import { DragomanError, type Limits } from '../core/index.ts';
import { orders } from '../guest-protocol/index.ts';
import type { Sandbox } from '../sandbox/index.ts';
import type { EngineInput } from './port.ts';

/**
 * Writes the inputs into a sandbox's workspace. They arrive before any order that is sent later.
 * @throws DragomanError invalid_request when they do not fit: LibreChat's client repeats a request for ever that is refused otherwise
 */
export async function stage(sandbox: Sandbox, inputs: readonly EngineInput[], limits: Limits): Promise<void> {
  const total = inputs.reduce((sum, input) => sum + input.size, 0);
  if (total > limits.workspaceBytes) {
    throw new DragomanError('invalid_request', {
      message: `the input files exceed the workspace of ${limits.workspaceBytes} bytes`,
    });
  }
  let fault: string | undefined;
  sandbox.link.listen({
    stdout() {},
    stderr() {},
    claim(claim) {
      if (claim.claim === 'fault') fault ??= claim.message;
    },
  });
  for (const input of inputs) {
    const mode = input.readOnly ? 0o444 : 0o644;
    await sandbox.link.send(orders.writeStream({ path: input.path, mode, size: input.size }, await input.open()));
    if (fault !== undefined) throw doesNotFit(fault);
  }
}

/** What the guest reports when it could not write a file. */
export function doesNotFit(fault: string): DragomanError {
  return new DragomanError('invalid_request', { message: `the files do not fit: ${fault}` });
}
