import { DragomanError } from '../../core/index.ts';
import type { SessionInfo } from '../../service/index.ts';
import type { Caller } from './call.ts';
import type { McpServices } from './services.ts';

/** The session that a call works in. */
export interface Workplace {
  readonly sessionId: string;
  /** Made for this call: no variables and no files are there. */
  readonly isNew: boolean;
}

/** Begins the names of the sessions behind MCP sessions. A client that names a session itself must not meet them. */
export const ownNames = 'mcp:';

type WorkplaceServices = Pick<McpServices, 'sessions' | 'now'>;

/**
 * Chooses the session of a call: the one its handle names, else the one its header names, else the one of its MCP session, else a
 * new one.
 * @param makes a call that only reads makes no session for a client that has none
 * @throws DragomanError invalid_request that tells the model what to do
 */
export async function workplaceOf(
  { sessions, now }: WorkplaceServices,
  caller: Caller,
  handle: string | undefined,
  makes: boolean,
): Promise<Workplace> {
  const { principal } = caller;
  if (handle !== undefined) return { sessionId: (await named(sessions, caller, handle)).id, isNew: false };
  const own = caller.sessionName === undefined ? caller.legacy : undefined;
  if (own?.workplace !== undefined) {
    const info = await there(sessions, caller, own.workplace);
    if (info) return { sessionId: info.id, isNew: false };
  }
  const started = now();
  const name = nameOf(caller);
  if (name === undefined && !makes)
    throw new DragomanError('invalid_request', {
      message: 'This call needs session_id: pass the one that an earlier result names.',
    });
  const info = name === undefined ? await sessions.create(principal, {}) : await sessions.ensure(principal, name, {});
  own?.remember(info.id);
  return { sessionId: info.id, isNew: info.createdAt >= started };
}

/** The session that a client has without naming one, if it is there. */
export async function currentSession(
  sessions: McpServices['sessions'],
  caller: Caller,
): Promise<SessionInfo | undefined> {
  const name = nameOf(caller);
  if (name === undefined) return undefined;
  const { sessions: found } = await sessions.list(caller.principal, { limit: 1, order: 'desc', name });
  return found.find(({ state }) => state !== 'expired');
}

function nameOf({ sessionName, legacy }: Caller): string | undefined {
  return sessionName ?? (legacy && `${ownNames}${legacy.id}`);
}

async function named(sessions: McpServices['sessions'], caller: Caller, id: string): Promise<SessionInfo> {
  const info = await there(sessions, caller, id);
  if (info) return info;
  throw new DragomanError('not_found', {
    message: 'There is no session with this session_id, or it has ended. Leave session_id out.',
  });
}

/** A session of the caller's that has not ended. */
async function there(
  sessions: McpServices['sessions'],
  { principal }: Caller,
  id: string,
): Promise<SessionInfo | undefined> {
  try {
    const info = await sessions.get(principal, id);
    return info.state === 'expired' ? undefined : info;
  } catch (error) {
    if (error instanceof DragomanError && error.code === 'not_found') return undefined;
    throw error;
  }
}
