import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  DragomanError,
  FairStore,
  type FileChange,
  type FileEntry,
  newId,
  type Principal,
} from '../../../core/index.ts';
import { toOwnPath, toSandboxPath } from '../../sandboxes/paths.ts';
import { ConnectCalls } from '../connect/calls.ts';
import { ConnectError } from '../connect/errors.ts';
import type { Reached } from '../reach.ts';
import type { E2BServices } from '../services.ts';

const path = z.string().max(4096);
const pathRequest = z.looseObject({ path: path.default('') });
const listRequest = pathRequest.extend({ depth: z.number().int().min(0).max(100).default(1) });
const moveRequest = z.looseObject({ source: path, destination: path });
const watchRequest = pathRequest.extend({ recursive: z.boolean().default(false) });
const watcherRequest = z.looseObject({ watcherId: z.string().max(64) });

const service = 'filesystem.Filesystem';
/** Changes kept for a client that asks for them from time to time. */
const maxKeptEvents = 1000;
const watcherMs = 60 * 60_000;

/** A client's watcher between two of its questions. */
interface Watcher {
  readonly sessionId: string;
  readonly stop: AbortController;
  events: object[];
}

/** `filesystem.Filesystem`: files at any path of a sandbox. */
export function addFilesystemService(app: FastifyInstance, services: E2BServices): void {
  const { sandboxFiles: files } = services;
  const calls = new ConnectCalls(app, services);
  const watchers = new FairStore<Watcher>({
    ...{ maxEntries: 1000, maxBytes: 1000, ttlMs: watcherMs },
    onDrop: ({ stop }) => stop.abort(),
  });

  calls.unary({ name: `${service}/Stat`, rateClass: 'list', schema: pathRequest }, async ({ message, reached }) => {
    const { owner, info } = reached;
    return { entry: entryOf(await files.stat(owner, info.id, toSandboxPath(message.path)), message.path) };
  });
  calls.unary({ name: `${service}/ListDir`, rateClass: 'list', schema: listRequest }, async ({ message, reached }) => {
    const { owner, info } = reached;
    const asked = toSandboxPath(message.path);
    const { entries } = await files.list(owner, info.id, asked, Math.max(1, message.depth));
    return { entries: entries.flatMap((entry) => (isKnown(entry) ? [entryOf(entry, message.path)] : [])) };
  });
  calls.unary({ name: `${service}/MakeDir`, rateClass: 'list', schema: pathRequest }, async ({ message, reached }) => {
    const { owner, info } = reached;
    const asked = toSandboxPath(message.path);
    try {
      return { entry: entryOf(await files.makeDirectory(owner, info.id, asked), message.path) };
    } catch (error) {
      if (!hasCode(error, 'conflict')) throw error;
      const there = await files.stat(owner, info.id, asked);
      if ((there.targetKind ?? there.kind) === 'directory')
        throw new ConnectError('already_exists', `directory already exists: ${message.path}`);
      throw new ConnectError('invalid_argument', `path already exists but it is not a directory: ${message.path}`);
    }
  });
  calls.unary({ name: `${service}/Move`, rateClass: 'list', schema: moveRequest }, async ({ message, reached }) => {
    const { owner, info } = reached;
    const { source, destination } = message;
    const moved = await files.move(owner, info.id, toSandboxPath(source), toSandboxPath(destination));
    return { entry: entryOf(moved, destination) };
  });
  calls.unary({ name: `${service}/Remove`, rateClass: 'list', schema: pathRequest }, async ({ message, reached }) => {
    const { owner, info } = reached;
    await files.remove(owner, info.id, toSandboxPath(message.path)).catch((error) => {
      if (!hasCode(error, 'not_found')) throw error;
    });
    return {};
  });

  calls.stream(
    { name: `${service}/WatchDir`, rateClass: 'list', schema: watchRequest },
    async function* ({ message, reached: { owner, info }, gone, timeoutMs }) {
      const signal = timeoutMs === undefined ? gone : AbortSignal.any([gone, AbortSignal.timeout(timeoutMs)]);
      const asked = toSandboxPath(message.path);
      const changes = await files.watch(owner, info.id, asked, { recursive: message.recursive }, signal);
      yield { start: {} };
      for await (const change of changes) for (const filesystem of eventsOf(change)) yield { filesystem };
    },
    { keepalive: {} },
  );

  calls.unary(
    { name: `${service}/CreateWatcher`, rateClass: 'list', schema: watchRequest },
    async ({ message, reached }) => {
      const { owner, info } = reached;
      const stop = new AbortController();
      const asked = toSandboxPath(message.path);
      const changes = await files.watch(owner, info.id, asked, { recursive: message.recursive }, stop.signal);
      const watcher: Watcher = { sessionId: info.id, stop, events: [] };
      void collect(watcher, changes);
      const watcherId = newId();
      watchers.set(keyOf(owner, watcherId), watcher, 1);
      return { watcherId };
    },
  );
  calls.unary(
    { name: `${service}/GetWatcherEvents`, rateClass: 'list', schema: watcherRequest },
    async ({ message, reached }) => {
      const watcher = watcherOf(reached, message.watcherId);
      const { events } = watcher;
      watcher.events = [];
      return { events };
    },
  );
  calls.unary(
    { name: `${service}/RemoveWatcher`, rateClass: 'list', schema: watcherRequest },
    async ({ message, reached }) => {
      watcherOf(reached, message.watcherId).stop.abort();
      watchers.delete(keyOf(reached.owner, message.watcherId));
      return {};
    },
  );

  function watcherOf({ owner, info }: Reached, id: string): Watcher {
    const found = watchers.get(keyOf(owner, id));
    if (found?.sessionId !== info.id) throw new ConnectError('not_found', `watcher with id ${id} not found`);
    return found;
  }
}

const keyOf = ({ tenant, id: principalId }: Principal, id: string) => ({ tenant, principalId, id });

/** What comes after too many is not kept. Ends quietly with the sandbox. */
async function collect(watcher: Watcher, changes: AsyncIterable<FileChange>): Promise<void> {
  try {
    for await (const change of changes)
      if (watcher.events.length < maxKeptEvents) watcher.events.push(...eventsOf(change));
  } catch {
    watcher.stop.abort();
  }
}

const eventTypes: Readonly<Record<string, string>> = {
  created: 'EVENT_TYPE_CREATE',
  written: 'EVENT_TYPE_WRITE',
  removed: 'EVENT_TYPE_REMOVE',
  renamed: 'EVENT_TYPE_RENAME',
  mode: 'EVENT_TYPE_CHMOD',
};

function eventsOf({ change, path: name }: FileChange): object[] {
  const type = eventTypes[change];
  return type === undefined ? [] : [{ name, type }];
}

const types: Readonly<Record<string, string>> = {
  file: 'FILE_TYPE_FILE',
  directory: 'FILE_TYPE_DIRECTORY',
  symlink: 'FILE_TYPE_SYMLINK',
};

const kindOf = ({ kind, targetKind }: FileEntry) => targetKind ?? kind;
/** This API has no word for pipes, sockets and devices. */
const isKnown = (entry: FileEntry) => types[kindOf(entry)] !== undefined;

function entryOf(entry: FileEntry, asked: string) {
  const mode = entry.mode & 0o777;
  return {
    name: entry.name,
    type: types[kindOf(entry)] ?? 'FILE_TYPE_UNSPECIFIED',
    path: toOwnPath(entry.path, asked),
    size: entry.size,
    mode,
    permissions: permissionsOf(entry.kind, mode),
    owner: entry.user,
    group: entry.group,
    modifiedTime: new Date(entry.modifiedAt).toISOString(),
    ...(entry.target === null ? {} : { symlinkTarget: entry.target }),
  };
}

function permissionsOf(kind: FileEntry['kind'], mode: number): string {
  const first = { file: '-', directory: 'd', symlink: 'L', other: '?' }[kind];
  return first + [...'rwxrwxrwx'].map((letter, at) => (mode & (0o400 >> at) ? letter : '-')).join('');
}

const hasCode = (error: unknown, code: string) => error instanceof DragomanError && error.code === code;
