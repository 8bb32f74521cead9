import { DragomanError, type Principal } from '../../core/index.ts';
import type { SessionInfo } from '../../service/index.ts';
import { UnreachableError } from './errors.ts';
import { sessionId } from './ids.ts';
import { face, stateOf } from './sandbox.ts';
import type { E2BServices } from './services.ts';

/** A sandbox that a request may use, whose key it did not show. */
export interface Reached {
  readonly owner: Principal;
  readonly info: SessionInfo;
}

/** @throws UnreachableError when the sandbox has ended, is paused or never was */
export async function reach({ sessions }: Pick<E2BServices, 'sessions'>, id: string): Promise<Reached> {
  const session = sessionId(id);
  if (session === undefined) throw new UnreachableError(id);
  try {
    const reached = await sessions.resolve(face, session);
    if (stateOf(reached.info) === 'running') return reached;
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  throw new UnreachableError(id);
}

/** Whether an error says that the session is no longer there. */
export function isGone(error: unknown): boolean {
  return error instanceof DragomanError && (error.code === 'not_found' || error.code === 'session_expired');
}
