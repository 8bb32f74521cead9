import { CommandError, ownFault, Stopped } from './client/command-error.ts';

/** What to print for an error of a command, and how to end: a sentence where a user or operator can mend it, else the stack. */
export async function describeFailure(error: unknown): Promise<{ text: string; exitCode: number }> {
  if (error instanceof Stopped) return { text: '', exitCode: error.exitCode };
  if (error instanceof CommandError) return { text: `dragoman: ${error.message}`, exitCode: error.exitCode };
  const [{ ConfigError }, { DragomanError }, { SetupError }] = await Promise.all([
    import('../config/index.ts'),
    import('../core/index.ts'),
    import('../host/index.ts'),
  ]);
  const { message, stack } = error as Error;
  const expected = error instanceof ConfigError || error instanceof SetupError || error instanceof DragomanError;
  const text = expected || !stack ? `dragoman: ${message}` : stack;
  if (!expected) return { text, exitCode: ownFault };
  if (!(error instanceof DragomanError) || error.code !== 'sandbox_unavailable') return { text, exitCode: 1 };
  const { adviceFor } = await import('./doctor.ts');
  const advice = adviceFor(message);
  return { text: advice ? `${text}\n${advice}\n"doctor" checks the host in detail.` : text, exitCode: 1 };
}
