import { ConfigError } from '../config/index.ts';
import { DragomanError } from '../core/index.ts';
import { SetupError } from '../host/index.ts';
import { adviceFor } from './doctor.ts';

/** What to print for an error of a command of this host: one sentence where an operator can mend it, else the stack. */
export function describeFailure(error: unknown): string {
  const { message, stack } = error as Error;
  const expected = error instanceof ConfigError || error instanceof SetupError || error instanceof DragomanError;
  const text = expected || !stack ? `dragoman: ${message}` : stack;
  const advice = error instanceof DragomanError && error.code === 'sandbox_unavailable' && adviceFor(message);
  return advice ? `${text}\n${advice}\n"doctor" checks the host in detail.` : text;
}
