import { newId } from '../core/index.ts';
import type { Order } from '../guest-protocol/index.ts';
import type { Sandbox } from '../sandbox/index.ts';
import { SandboxGone } from './sandbox-gone.ts';
import { whenExited } from './when-exited.ts';

/** The guest confirms what it was sent within this time, or its sandbox is given up. */
const deadlineMs = 15_000;

/**
 * Sends a supervisor an order and waits until it has done that, and everything it was sent before.
 * @param onFault what it says of an order that failed; what this returns is thrown
 * @throws SandboxGone when the sandbox ends or does not answer
 */
export async function carriedOut(
  sandbox: Sandbox,
  order: (token: string) => Order,
  onFault: (message: string) => Error | undefined,
): Promise<void> {
  const token = newId();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const gone = () => reject(new SandboxGone());
  const timer = setTimeout(gone, deadlineMs * sandbox.pace);
  sandbox.link.listen({
    stdout() {},
    stderr() {},
    claim(claim) {
      if (claim.claim === 'done' && claim.token === token) resolve();
      if (claim.claim !== 'fault') return;
      const error = onFault(claim.message);
      if (error) reject(error);
    },
  });
  const forget = whenExited(sandbox, gone);
  void sandbox.link.send(order(token));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    forget();
  }
}
