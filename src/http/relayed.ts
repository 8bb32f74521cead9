import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import type { Relayed } from '../agent/index.ts';
import { type Frame, sendEvents } from './event-stream.ts';

/** How long a stream waits for the provider before it begins. A failure until then has an HTTP status of its own. */
const patienceMs = 5000;

export interface RelayedOptions {
  /** The client asked for a stream. */
  readonly isStream: boolean;
  /** The body of an error that comes after our stream has begun. */
  late(error: unknown): unknown;
  /** Name of the event that such an error is; absent: none. */
  readonly errorEvent?: string | undefined;
}

/**
 * Sends on what a model's provider answers, byte by byte, while it comes.
 * @returns undefined when the model may be at another address of the provider: then nothing was sent
 * @throws DragomanError as `answer`, before anything was sent
 */
export async function sendRelayed(
  reply: FastifyReply,
  answer: Promise<Relayed>,
  { isStream, ...errors }: RelayedOptions,
): Promise<FastifyReply | undefined> {
  const come = await (isStream ? Promise.race([answer, sleep(patienceMs, undefined, { ref: false })]) : answer);
  if (come?.mayBeElsewhere) return undefined;
  if (come) reply.code(come.status).headers(come.headers);
  if (come && !isEvents(come)) return reply.send(Readable.from(come.body, { objectMode: false }));
  return sendEvents(reply, frames(answer, errors));
}

function isEvents({ status, headers }: Relayed): boolean {
  return status < 300 && /^text\/event-stream\b/.test(headers['content-type'] ?? '');
}

async function* frames(
  answer: Promise<Relayed>,
  { late, errorEvent: event }: Omit<RelayedOptions, 'isStream'>,
): AsyncGenerator<Frame | Uint8Array> {
  try {
    const come = await answer;
    if (isEvents(come)) yield* come.body;
    else yield { event, data: JSON.parse(await text(Readable.from(come.body))) };
  } catch (error) {
    yield { event, data: late(error) };
  }
}
