import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';

/**
 * Answers with JSON that may take minutes. Clients and proxies give up on what is silent, and clients that give up try again; JSON
 * may begin with blanks, so it begins with those when it is not there after `quietMs`, and has one more each time. From then on the
 * status is 200, and what goes wrong is what `late` makes of it.
 * @returns for Fastify to send
 * @throws what `work` rejects with, while nothing was sent
 */
export async function patientJson(
  reply: FastifyReply,
  work: Promise<unknown>,
  quietMs: number,
  late: (error: unknown) => unknown,
): Promise<unknown> {
  const settled = work.then(
    () => true,
    () => true,
  );
  const isSettled = () => Promise.race([settled, sleep(quietMs, false, { ref: false })]);
  if (await isSettled()) return work;
  async function* text(): AsyncGenerator<string> {
    do yield ' ';
    while (!(await isSettled()));
    yield JSON.stringify(await work.catch(late));
  }
  return reply.type('application/json; charset=utf-8').send(Readable.from(text()));
}
