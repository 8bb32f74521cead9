import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import { jsonPieces } from '../core/index.ts';

/**
 * Answers with JSON that may take minutes. Clients and proxies give up on a silent connection, so the body starts with a blank
 * every `quietMs` until the value is there: JSON may begin with blanks. After the first blank the status is 200, and an error
 * becomes the value that `late` makes of it.
 * @returns for Fastify to send
 * @throws what `work` rejects with, as long as nothing was sent
 */
export async function jsonWithHeartbeat(
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
    yield* jsonPieces(await work.catch(late));
  }
  return reply.type('application/json; charset=utf-8').send(Readable.from(text()));
}
