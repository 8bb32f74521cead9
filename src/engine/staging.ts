import { DragomanError, type Limits, modeOf } from '../core/index.ts';
import { orders } from '../guest-protocol/index.ts';
import type { Sandbox } from '../sandbox/index.ts';
import type { EngineInput } from './port.ts';

/**
 * Writes the inputs into a sandbox's workspace, then makes these folders. They arrive before any order that is sent later.
 * @throws DragomanError invalid_request when they do not fit: LibreChat's client repeats a request for ever that is refused otherwise
 */
export async function stage(
  sandbox: Sandbox,
  inputs: readonly EngineInput[],
  folders: readonly string[],
  limits: Limits,
): Promise<void> {
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
    const { path, size, modified } = input;
    await sandbox.link.send(orders.writeStream({ path, mode: modeOf(input), size, modified }, await input.open()));
    if (fault !== undefined) throw doesNotFit(fault);
  }
  for (const path of folders) await sandbox.link.send(orders.folder(path));
}

/** What the guest reports when it could not write a file. */
export function doesNotFit(fault: string): DragomanError {
  return new DragomanError('invalid_request', { message: `the files do not fit: ${fault}` });
}
