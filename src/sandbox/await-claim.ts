import type { Sandbox } from './port.ts';

/** Longer than any honest guest needs on a busy machine, at the pace of the host's own processor. */
const usualDeadlineMs = 15_000;
const keptErrorBytes = 2000;

/**
 * Waits for a claim of set-up.
 * @throws Error with what the guest wrote to stderr, when the sandbox ends or its time is over before
 */
export async function awaitClaim(
  sandbox: Pick<Sandbox, 'link' | 'exited' | 'pace'>,
  awaited: 'ready' | 'parked',
): Promise<void> {
  const deadlineMs = usualDeadlineMs * sandbox.pace;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  let isOver = false;
  const fail = (what: string) => {
    // Every sandbox ends one day: an error with its stack costs too much to make it for nothing.
    if (!isOver) reject(new Error(`the sandbox ${what} before it was ${awaited}: ${said}`));
  };
  const timer = setTimeout(() => fail(`took ${deadlineMs} ms`), deadlineMs);
  sandbox.link.listen({
    stdout() {},
    stderr(chunk) {
      said = (said + Buffer.from(chunk).toString()).slice(-keptErrorBytes);
    },
    claim({ claim }) {
      if (claim === awaited) resolve();
    },
  });
  void sandbox.exited.then(() => fail('ended'));
  try {
    await promise;
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}
