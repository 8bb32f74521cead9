import { call, messageOf } from '../api/http.ts';
import { announce } from '../app/state.ts';
import type { Run } from './run.ts';

/** Interrupts a run as Ctrl-C would; its variables stay. */
export async function interrupt(run: Run, sessionId?: string): Promise<void> {
  if (run.isOver || run.isInterrupting.value) return;
  run.isInterrupting.value = true;
  announce('Interrupting');
  try {
    if (sessionId !== undefined) await call('POST', `/sessions/${sessionId}/interrupt`);
    else if (run.id.value !== undefined) await call('POST', `/executions/${run.id.value}/cancel`);
  } catch (error) {
    run.isInterrupting.value = false;
    announce(messageOf(error));
  }
}

/** Ends a run that does not heed the interrupt. */
export async function end(run: Run): Promise<void> {
  if (run.id.value !== undefined) await call('POST', `/executions/${run.id.value}/cancel`).catch(() => {});
}
