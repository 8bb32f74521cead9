import { orders } from '../guest-protocol/index.ts';
import type { Sandbox } from '../sandbox/index.ts';
import { carriedOut } from './carried-out.ts';
import { usualKernel } from './kernels.ts';
import type { Kernel } from './runtimes.ts';

/**
 * Turns the first process of a new sandbox into the supervisor of a live session, and starts a kernel ahead of its first cell. Where that
 * fails the cell starts it, and says why it cannot.
 * @throws SandboxGone
 */
export async function serve(sandbox: Sandbox, kernel: Kernel | null): Promise<void> {
  void sandbox.link.send(orders.serve(true));
  if (!kernel) return;
  await carriedOut(
    sandbox,
    (token) => orders.kernel(token, usualKernel(kernel)),
    () => undefined,
  );
}
