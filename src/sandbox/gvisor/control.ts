import { connect } from 'node:net';
import type { Method } from './pause.ts';

/** An honest gVisor answers in under a millisecond. */
const deadlineMs = 2000;
const mostBytes = 4096;

/**
 * Asks the control server of a sandbox's gVisor; `runsc pause` does the same, at the price of two processes.
 * @param path of the socket. Who listens there has a hostile program inside: the answer is bounded and proves nothing.
 * @throws Error when it refuses, or does not answer in two seconds
 */
export function askGvisor(path: string, method: Method): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(path);
  let answer = '';
  const fail = (why: string) => reject(new Error(`${method}: ${why}`));
  socket.setEncoding('utf8');
  socket.setTimeout(deadlineMs, () => fail('no answer'));
  socket.once('error', (error) => fail(error.message));
  socket.once('close', () => fail('no answer'));
  socket.on('data', (text: string) => {
    answer += text;
    if (answer.length > mostBytes) return fail('an answer beyond all bounds');
    try {
      const { success, err } = JSON.parse(answer) as { success?: unknown; err?: unknown };
      if (success === true) resolve();
      else fail(String(err).slice(0, 200));
    } catch {
      // The rest of it is on its way.
    }
  });
  socket.write(JSON.stringify({ method, arg: null }));
  return promise.finally(() => socket.destroy());
}
