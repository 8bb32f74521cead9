import { DragomanError } from '../../core/index.ts';
import { jobFault } from '../../runner/index.ts';
import type { Connection } from '../connection.ts';
import { type Answer, answerOf, decode, encode, type Message, maxMessageBytes } from '../message.ts';
import { gatewayQueue, gatewaySubjects } from '../subjects.ts';

/** How many questions of one worker are looked at. */
export interface QuestionRate {
  readonly perSecond: number;
  /** After a pause. */
  readonly atOnce: number;
}

interface Taken {
  left: number;
  /** On the clock of `performance.now()`. */
  at: number;
}

/**
 * Answers what workers ask any gateway, each as often as its rate allows: what is more is refused before it is read, so that one worker does not
 * take the time of a gateway. The last token of the subject is the seat of the one who asks, for which the server vouches. Returns what ends it.
 */
export function answerWorkers<Q, A>(
  connection: Connection,
  question: string,
  { perSecond, atOnce }: QuestionRate,
  handler: (question: Message<Q>, seat: string) => Promise<A>,
): () => void {
  const refused = encode({
    error: jobFault(new DragomanError('overloaded', { retryAfterSeconds: 1 })),
  } satisfies Answer<A>);
  // As many as the server knows workers.
  const seats = new Map<string, Taken>();
  const takes = (seat: string): boolean => {
    const now = performance.now();
    const taken = seats.get(seat) ?? { left: atOnce, at: now };
    taken.left = Math.min(atOnce, taken.left + ((now - taken.at) / 1000) * perSecond);
    taken.at = now;
    seats.set(seat, taken);
    if (taken.left < 1) return false;
    taken.left--;
    return true;
  };
  return connection.serve(gatewaySubjects(question), gatewayQueue, async ({ subject, data }) => {
    const seat = subject.slice(subject.lastIndexOf('.') + 1);
    if (!takes(seat) || data.length > maxMessageBytes) return refused;
    return encode(await answerOf(async () => handler(decode<Q>(data), seat)));
  });
}
