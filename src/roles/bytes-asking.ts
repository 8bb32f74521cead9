import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, type GrantAsk, type Granted, gatewaySubject, Unanswered } from '../cluster/index.ts';
import { DragomanError } from '../core/index.ts';

/** A gateway signs in milliseconds; a content that is being deleted is waited for. */
const askMs = 15_000;
const attempts = 3;
/** How long it asks again where gateways have too many questions to answer, and how often. */
const busyMs = 15_000;
const againMs = 50;

/** Asks any gateway for signed requests. @throws DragomanError of the gateway; storage_unavailable when none answers */
export async function askForBytes(connection: Connection, seat: string, question: GrantAsk): Promise<Granted> {
  const until = performance.now() + busyMs;
  for (let attempt = 1; ; ) {
    try {
      return await connection.ask<Granted>(gatewaySubject('grant', seat), question, askMs);
    } catch (error) {
      if (error instanceof DragomanError && error.code === 'overloaded' && performance.now() < until) {
        await sleep(againMs * (1 + Math.random()));
        continue;
      }
      if (!(error instanceof Unanswered)) throw error;
      // A gateway that ends takes its questions with it. Asking twice grants the same.
      if (attempt === attempts)
        throw new DragomanError('storage_unavailable', { message: 'No gateway answers for files.', cause: error });
      await sleep(500 * attempt++);
    }
  }
}
