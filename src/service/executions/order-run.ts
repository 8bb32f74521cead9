import { DragomanError, type FileRef, type Logger, type StoredFile } from '../../core/index.ts';
import type { Job, JobEnding, Runner, SessionRef } from '../../runner/index.ts';
import { fileSetOf } from '../../stores/index.ts';
import type { FileService, OpenFileSet } from '../files/file-service.ts';
import type { Peers } from '../peers/peers.ts';
import type { OpenSession } from '../sessions/open-session.ts';
import type { SessionDirectory } from '../sessions/session-directory.ts';
import { jobInputs } from '../sessions/session-files.ts';
import { addFiles } from '../sessions/workspace-files.ts';
import type { SessionStates } from '../states/session-states.ts';
import type { RestoredVariables } from '../states/states.ts';
import type { Execution } from './executions.ts';
import type { JobReads, JobStorage } from './job-storage.ts';
import type { Keeps } from './keeps.ts';
import { isCell, type Order } from './order.ts';
import { ParkedShare, type parkedBytes } from './parked-bytes.ts';
import { executionOf, onceOf, recordFiles } from './recording.ts';
import type { TrackedExecution } from './tracked-execution.ts';

export interface OrderRunParts {
  readonly runner: Runner;
  readonly directory: SessionDirectory;
  readonly fileService: FileService;
  readonly jobFiles: JobStorage;
  readonly states: SessionStates;
  /** How long an execution may wait for the answers to its tool calls. */
  readonly toolWaitMs: number;
  /** How long an execution may wait for a place to run. */
  readonly queueWaitMs: number;
  /** What executions that wait for answers have shown. */
  readonly parked: ReturnType<typeof parkedBytes>;
  readonly peers: Peers;
  /** For other gateways, which record what this one cannot record any more. Absent: there are none. */
  readonly keeps?: Keeps | undefined;
  readonly logger: Logger;
  readonly now: () => number;
}

/** Runs an order in a sandbox of its own; its files become a file set with the execution's id. */
export function runAlone(parts: OrderRunParts, execution: TrackedExecution, order: Order): Promise<Execution> {
  const { fileService } = parts;
  const set = fileService.newSet(order.principal, execution.id, { kind: 'user' });
  const refs = new Map(order.inputs.map(({ input }) => [input.path, input]));
  return runOrder(parts, execution, order, {
    set,
    reads: { session: null, digests: order.inputs.map(({ file }) => file.digest) },
    inputs: jobInputs(order.inputs.map(({ input, file }) => ({ ...file, name: input.path }))),
    folders: null,
    session: null,
    before: (path) => refs.get(path),
    async record(added) {
      await fileService.record(set, added, onceOf(parts, execution.id));
    },
  });
}

/** Runs an order in a session, whose turn it is: with all its files, and what the code makes becomes the session's. */
export function runInSession(
  parts: OrderRunParts,
  execution: TrackedExecution,
  order: Order,
  session: OpenSession,
): Promise<Execution> {
  const { directory } = parts;
  return directory.placed(session, order.tier, async (ref) => {
    const ended = await runAt(parts, execution, order, session, ref);
    if (ended.result.outcome === 'worker_lost') await directory.abandon(session, ref);
    return ended;
  });
}

/** The same where the session's sandbox is or will be. */
async function runAt(
  parts: OrderRunParts,
  execution: TrackedExecution,
  order: Order,
  session: OpenSession,
  ref: SessionRef,
): Promise<Execution> {
  const { record, files } = session;
  const set = () => parts.fileService.opened(order.principal, fileSetOf(record));
  await bringInputs(parts, order, session);
  const saved = execution.kernel === null ? {} : await parts.states.forJob(order.principal, session, execution.kernel);
  const memoryBytes = Math.min(order.limits.memoryBytes, record.memoryBytes);
  const limited = { ...order, limits: { ...order.limits, memoryBytes } };
  const running = runOrder(parts, execution, limited, {
    set: set(),
    reads: { session: ref, digests: [] },
    inputs: jobInputs(files.all()),
    folders: record.folders,
    session: session.forJob(ref, order.kernel, record.expiresAt - parts.now(), saved),
    before: (path) => files.refAt(path),
    async ended(ending) {
      if (ending.folders !== null) session.noteFolders(ending.folders);
      // A kernel that was only asked holds no variables.
      if (execution.kernel === null || order.request.question) return undefined;
      session.noteKernel(execution.kernel);
      if (ending.result.outcome === 'worker_lost') return undefined;
      const cell = { kernel: execution.kernel, execution: execution.id, ref };
      return parts.states.noteCell(order.principal, session, cell, ending);
    },
    async record(added, deleted) {
      const made = { epoch: ref.epoch, once: onceOf(parts, execution.id) };
      // Another gateway took this one for dead, and has recorded them.
      if (!(await files.record(set(), added, deleted, made))) session.isHeld = false;
    },
  });
  return running.catch((error) => {
    // It was moved or taken by another gateway: what is in memory is not what is recorded.
    if (error instanceof DragomanError && error.code === 'conflict' && parts.peers.id !== null) session.isHeld = false;
    throw error;
  });
}

/** Where the code of an order runs, and what becomes of its files. */
interface Surroundings extends Pick<Job, 'inputs' | 'folders' | 'session'> {
  /** What its files are stored for. */
  readonly set: OpenFileSet;
  readonly reads: JobReads;
  /** The file that was at a path before. */
  before(path: string): FileRef | undefined;
  /** Takes note of how it ended, before its files are recorded; tells what became of saved variables. */
  ended?(ending: JobEnding): Promise<RestoredVariables | undefined>;
  /** Records files and removals, all or nothing. */
  record(added: readonly StoredFile[], deleted: readonly string[]): Promise<void>;
}

/** Runs an order as a job, and records what it made. @throws DragomanError what the job failed with */
async function runOrder(
  parts: OrderRunParts,
  execution: TrackedExecution,
  order: Order,
  { set, reads, inputs, folders, session, ...files }: Surroundings,
): Promise<Execution> {
  const { jobFiles, toolWaitMs, queueWaitMs, parked, logger, now } = parts;
  const { language, request, limits, tier } = order;
  const startedAt = now();
  const share = new ParkedShare(parked, execution.owner);
  const pass = jobFiles.begin(execution.id, { set, maxBytes: limits.artifactBytes }, reads);
  try {
    const job = {
      language: language.name,
      code: request.code,
      args: request.args ?? [],
      stdin: request.stdin ?? null,
      ...(request.env && Object.keys(request.env).length > 0 ? { env: request.env } : {}),
      mode: isCell(order) ? 'cell' : 'program',
      ...(request.question ? { question: request.question } : {}),
      ...(request.manner ? { manner: request.manner } : {}),
      ...{ inputs, folders, limits, tier, session },
      tools: request.tools?.length ? { definitions: request.tools, waitMs: toolWaitMs } : null,
      deadline: now() + queueWaitMs,
      ...(execution.trace === undefined ? {} : { trace: execution.trace }),
      ...(pass === undefined ? {} : { pass }),
      ...keepOf(parts, execution, order, startedAt),
    } as const;
    const ending = await execution.run(job, share).finally(() => share.free());
    const restored = await files.ended?.(ending);
    const recording = { ...files, ending, stored: () => jobFiles.stored(execution.id) };
    const recorded = await recordFiles(recording, logger);
    const refs = order.inputs.map(({ input }) => input);
    return { ...executionOf(execution, refs, startedAt, ending, recorded), ...(restored ? { restored } : {}) };
  } finally {
    jobFiles.end(execution.id);
  }
}

/** For another gateway, should this one not live until the execution has ended. A question leaves nothing to record. */
function keepOf(
  { keeps, peers }: OrderRunParts,
  { id, principal, kernel, sessionId }: TrackedExecution,
  { language, tier, request, inputs, principal: { plan } }: Order,
  startedAt: number,
): { keep?: string } {
  if (!keeps || peers.id === null || request.question) return {};
  const { id: principalId, tenant } = principal;
  const keep = keeps.seal({
    ...{ id, kernel, startedAt, gateway: peers.id, language: language.name, tier },
    principal: { id: principalId, tenant, ...(plan === undefined ? {} : { plan }) },
    session: request.sessionId === undefined ? null : sessionId,
    inputs: inputs.map(({ input }) => input),
  });
  return { keep };
}

/** Makes a request's files the session's own. @throws DragomanError invalid_request when they do not fit */
async function bringInputs(
  parts: OrderRunParts,
  { principal, inputs, limits }: Order,
  session: OpenSession,
): Promise<void> {
  const { fileService } = parts;
  const set = fileService.opened(principal, fileSetOf(session.record));
  const wanted = inputs.filter(({ input, file }) => {
    const there = session.files.at(input.path);
    // A client that names a file the session itself has changed since then means the file as it is now.
    return there?.digest !== file.digest && !(there && file.sessionId === set.id && file.name === input.path);
  });
  if (wanted.length === 0) return;
  const copies = wanted.map(({ input, file }) => fileService.copy(set, input.path, file));
  try {
    await addFiles(parts, principal, session, copies, limits.workspaceBytes);
  } finally {
    fileService.release(copies);
  }
}
