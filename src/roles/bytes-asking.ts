import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, type GrantAsk, type Granted, gatewaySubject, Unanswered } from '../cluster/index.ts';
import { DragomanError } from '../core/index.ts';

/**
 * How long each attempt waits. A gateway signs in milliseconds, but one that stands still takes its share of the questions until the server
 * leaves it out; at the end a content that is being deleted is waited for.
 */
const waitsMs = [1500, 1500, 1500, 3000, 3000, 6000, 15_000, 15_000];
/** How long it asks again where gateways have too many questions to answer, and how often. */
const busyMs = 15_000;
const againMs = 50;

/** Asks any gateway for signed requests. @throws DragomanError of the gateway; storage_unavailable when none answers */
export async function askForBytes(connection: Connection, seat: string, question: GrantAsk): Promise<Granted> {
  const until = performance.now() + busyMs;
  for (let attempt = 0; ; ) {
    try {
      return await connection.ask<Granted>(gatewaySubject('grant', seat), question, waitsMs[attempt]!);
    } catch (error) {
      if (error instanceof DragomanError && error.code === 'overloaded' && performance.now() < until) {
        await sleep(againMs * (1 + Math.random()));
        continue;
      }
      if (!(error instanceof Unanswered)) throw error;
      // A gateway that ends takes its questions with it. Asking twice grants the same.
      if (++attempt === waitsMs.length)
        throw new DragomanError('storage_unavailable', { message: 'No gateway answers for files.', cause: error });
      await sleep(Math.min(1500, 250 * attempt));
    }
  }
}
