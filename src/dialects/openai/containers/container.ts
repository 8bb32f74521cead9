import { freeName, refOf, useSession } from '../../../assistant/index.ts';
import { DragomanError, type Principal } from '../../../core/index.ts';
import type { NewSession, SessionInfo } from '../../../service/index.ts';
import { notFound, type WireError } from '../errors.ts';
import { ownId, seconds, toOwn, wireId } from '../ids.ts';
import type { OpenAIServices } from '../services.ts';

const minuteMs = 60_000;
const gibibyte = 1024 ** 3;
const defaultMinutes = 20;

const memory = { '1g': gibibyte, '4g': 4 * gibibyte, '16g': 16 * gibibyte, '64g': 64 * gibibyte } as const;

export type MemoryLimit = keyof typeof memory;

/** Key of a session's metadata: the memory limit that the client asked for. */
const memoryNote = 'openai.memory_limit';

export interface NewContainer {
  readonly name?: string | undefined;
  readonly minutes?: number | undefined;
  readonly memoryLimit?: MemoryLimit | undefined;
  /** Ids of `/v1/files`. */
  readonly fileIds?: readonly string[] | undefined;
}

/**
 * Makes a session that ends as containers do: with its files, after some minutes without use.
 * @param param the field that names the files, for refusals
 * @throws Refusal naming a file that does not exist
 */
export async function createContainer(
  context: OpenAIServices,
  principal: Principal,
  { name, minutes = defaultMinutes, memoryLimit, fileIds = [] }: NewContainer,
  param = 'file_ids',
): Promise<SessionInfo> {
  const records = await Promise.all(
    fileIds.map((id, at) => context.assistant.files.find(principal, toOwn('file', id), `${param}[${at}]`)),
  );
  const taken = new Set<string>();
  const files: NewSession['files'] = records.map((record) => {
    const path = freeName(record.name, (free) => taken.has(free));
    taken.add(path);
    return { ...refOf(record), path };
  });
  return context.sessions.create(principal, {
    name,
    idleMs: minutes * minuteMs,
    lifeMs: minutes * minuteMs,
    ...memorySettings(memoryLimit),
    files,
  });
}

/** Settings of a new session whose container has this memory limit, and shows it. */
export function memorySettings(limit: MemoryLimit | null | undefined): Pick<NewSession, 'memoryBytes' | 'metadata'> {
  return limit ? { memoryBytes: memory[limit], metadata: { [memoryNote]: limit } } : {};
}

/** A session as a container. */
export function containerObject(session: SessionInfo) {
  return {
    id: wireId('container', session.id),
    object: 'container' as const,
    created_at: seconds(session.createdAt),
    status: session.state === 'expired' ? ('expired' as const) : ('running' as const),
    expires_after: { anchor: 'last_active_at' as const, minutes: Math.max(1, Math.round(session.idleMs / minuteMs)) },
    last_active_at: seconds(session.lastActiveAt),
    memory_limit: memoryLimitOf(session),
    network_policy: { type: 'disabled' as const },
    name: session.name ?? '',
  };
}

/** The limit that the client asked for, or for sessions of other dialects the smallest size that holds their memory. */
function memoryLimitOf({ metadata, memoryBytes }: SessionInfo): MemoryLimit {
  const sizes = Object.keys(memory) as MemoryLimit[];
  const asked = sizes.find((size) => size === metadata[memoryNote]);
  return asked ?? sizes.find((size) => memory[size] >= memoryBytes) ?? '64g';
}

/** The session a container's id names. @throws WireError 404 for an id that cannot name one */
export function sessionIdOf(id: string): string {
  const session = ownId('container', id);
  if (!session) throw noSuchContainer(id);
  return session;
}

/** Does something to a container. A missing one is told in OpenAI's words. @throws WireError */
export async function inContainer<T>(id: string, work: (sessionId: string) => Promise<T>): Promise<T> {
  try {
    return await work(sessionIdOf(id));
  } catch (error) {
    throw error instanceof DragomanError && error.code === 'not_found' ? noSuchContainer(id) : error;
  }
}

/**
 * A container that a request uses, which keeps it alive.
 * @throws Refusal session_not_found; DragomanError session_expired
 */
export function useContainer(context: OpenAIServices, principal: Principal, id: string): Promise<SessionInfo> {
  return useSession(context.sessions, principal, toOwn('container', id));
}

function noSuchContainer(id: string): WireError {
  return notFound(`Container with id '${id.slice(0, 64)}' not found.`);
}
