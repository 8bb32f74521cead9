import { type Connection, type GrantAsk, type Granted, gatewaySubject, Unanswered } from '../cluster/index.ts';
import { DragomanError } from '../core/index.ts';

/** A gateway signs in milliseconds; a content that is being deleted is waited for. */
const askMs = 15_000;
const attempts = 3;

/** Asks any gateway for signed requests. @throws DragomanError of the gateway; storage_unavailable when none answers */
export async function askForBytes(connection: Connection, seat: string, question: GrantAsk): Promise<Granted> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await connection.ask<Granted>(gatewaySubject('grant', seat), question, askMs);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      // A gateway that ends takes its questions with it. Asking twice grants the same.
      if (attempt === attempts)
        throw new DragomanError('storage_unavailable', { message: 'No gateway answers for files.', cause: error });
      await new Promise((resolve) => setTimeout(resolve, 500 * attempt));
    }
  }
}
