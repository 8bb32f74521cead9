import type { Runner } from '../../runner/index.ts';
import { fileSetOf } from '../../stores/index.ts';
import type { OpenSession } from '../sessions/open-session.ts';
import type { SessionDirectory } from '../sessions/session-directory.ts';
import { checkRoom, jobInputs } from '../sessions/session-files.ts';
import type { Execution } from './executions.ts';
import type { Order } from './order.ts';
import { type OrderRunParts, runOrder } from './order-run.ts';
import type { TrackedExecution } from './tracked-execution.ts';

export interface SessionRunParts extends OrderRunParts {
  readonly runner: Runner;
  readonly directory: SessionDirectory;
}

/** Runs an order in a session, whose turn it is: with all its files, and what the code makes becomes the session's. */
export async function runInSession(
  parts: SessionRunParts,
  execution: TrackedExecution,
  order: Order,
  session: OpenSession,
): Promise<Execution> {
  const { record, files } = session;
  const set = () => parts.fileService.opened(order.principal, fileSetOf(record));
  const ref = await parts.directory.place(session);
  await bringInputs(parts, order, session);
  const memoryBytes = Math.min(order.limits.memoryBytes, record.memoryBytes);
  const limited = { ...order, limits: { ...order.limits, memoryBytes } };
  return runOrder(parts, execution, limited, {
    set: set(),
    inputs: jobInputs(files.all()),
    folders: record.folders,
    session: session.forJob(ref, order.kernel, record.expiresAt - parts.now()),
    before: (path) => files.refAt(path),
    ended({ folders }) {
      if (execution.kernel !== null) session.noteKernel(execution.kernel);
      if (folders !== null) session.noteFolders(folders);
    },
    record: (added, deleted) => files.record(set(), added, deleted),
  });
}

/** Makes a request's files the session's own. @throws DragomanError invalid_request when they do not fit */
async function bringInputs(
  { fileService, runner }: SessionRunParts,
  { principal, inputs, limits }: Order,
  session: OpenSession,
): Promise<void> {
  const set = fileService.opened(principal, fileSetOf(session.record));
  const wanted = inputs.filter(({ input, file }) => {
    const there = session.files.at(input.path);
    // A client that names a file the session itself has changed since then means the file as it is now.
    return there?.digest !== file.digest && !(there && file.sessionId === set.id && file.name === input.path);
  });
  if (wanted.length === 0) return;
  const copies = wanted.map(({ input, file }) => fileService.copy(set, input.path, file));
  try {
    const there = session.files.all();
    checkRoom(there, copies, limits.workspaceBytes);
    const replaced = new Set(copies.map(({ name }) => name));
    const all = [...there.filter(({ name }) => !replaced.has(name)), ...copies];
    if (session.ref) await runner.syncSession(session.ref, jobInputs(all));
    await session.files.record(set, copies);
  } finally {
    fileService.release(copies);
  }
}
