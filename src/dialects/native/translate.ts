import { clientPath, type MimeBundle, type StoredFile, type ToolResult, type Usage } from '../../core/index.ts';
import type {
  Execution,
  ExecutionRequest,
  InputFile,
  KernelInfo,
  NewSession,
  ReportedFile,
  RunningExecution,
  SessionInfo,
} from '../../service/index.ts';
import type { Artifact, DoneEvent, File, Finished, Kernel, Session, Unfinished } from './answers.ts';
import { restoredAnswer } from './states.ts';
import type { ExecutionBody, FileReference, SessionBody, SessionChange, ToolResultsBody } from './wire.ts';

export function toCell(body: ExecutionBody, sessionId?: string): ExecutionRequest {
  const { language, code, args, stdin, kernel_id: kernelId, timeout_ms: wallMs, isolation, files, tools } = body;
  return {
    sessionId,
    kernelId: kernelId ?? undefined,
    language,
    code,
    args: args ?? undefined,
    stdin: stdin ?? undefined,
    wallMs: wallMs ?? undefined,
    tier: isolation ?? undefined,
    files: files?.map(toInput),
    tools: tools ?? undefined,
  };
}

/** What a copy of a session has from the original. */
type MadeWith = 'files' | 'isolation';

export function toNewSession(body: Omit<SessionBody, MadeWith> & Partial<Pick<SessionBody, MadeWith>>): NewSession {
  const { name, idle_timeout_ms: idleMs, lifetime_ms: lifeMs, memory_bytes: memoryBytes } = body;
  const { isolation, metadata, files } = body;
  return {
    name,
    idleMs: idleMs ?? undefined,
    lifeMs: lifeMs ?? undefined,
    memoryBytes: memoryBytes ?? undefined,
    tier: isolation ?? undefined,
    metadata: metadata ?? undefined,
    files: files?.map(toInput),
  };
}

/** Only what was said changes. */
export function toChange({ name, idle_timeout_ms: idleMs, metadata }: SessionChange) {
  return {
    ...(name === undefined ? {} : { name }),
    ...(idleMs === undefined ? {} : { idleMs }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/** @throws DragomanError invalid_request for a path that the workspace cannot have */
export function toInput({ session_id: sessionId, id: fileId, path }: FileReference): InputFile {
  return { sessionId, fileId, path: clientPath(path), scope: { kind: 'unclaimed' } };
}

export function toToolResults({ results }: ToolResultsBody): ToolResult[] {
  return results.map(({ id, value, error }) =>
    typeof error === 'string' ? { id, error } : { id, value: value ?? null },
  );
}

export function sessionAnswer(info: SessionInfo): Session {
  return {
    id: info.id,
    name: info.name,
    state: info.state,
    busy: info.busy,
    created_at: isoTime(info.createdAt),
    last_active_at: isoTime(info.lastActiveAt),
    expires_at: isoTime(info.expiresAt),
    idle_timeout_ms: info.idleMs,
    memory_bytes: info.memoryBytes,
    isolation: info.tier,
    metadata: { ...info.metadata },
  };
}

export function kernelAnswer({ id, language, directory, isDefault, state, createdAt }: KernelInfo): Kernel {
  return { id, language, directory, default: isDefault, state, created_at: isoTime(createdAt) };
}

export function fileAnswer({ id, sessionId, name, size, contentType, digest, createdAt, source }: StoredFile): File {
  return {
    id,
    session_id: sessionId,
    path: name,
    size,
    mime: contentType,
    sha256: digest,
    created_at: isoTime(createdAt),
    source,
  };
}

/** The files an execution made and changed. */
export function artifactsOf(files: readonly ReportedFile[]): Artifact[] {
  return files.flatMap((reported) =>
    reported.change === 'inherited' ? [] : [{ ...fileAnswer(reported.file), change: reported.change }],
  );
}

/** The last event of an execution: its result without the output that was streamed before. */
export function endOf({ id, sessionId, language, result, ...execution }: Execution): DoneEvent {
  return {
    id,
    session_id: sessionId,
    language,
    status: 'done',
    outcome: result.outcome,
    exit_code: result.exitCode,
    signal: result.signal,
    state: execution.continuity,
    restored: restoredAnswer(execution.restored),
    interpreter: result.interpreter,
    started_at: isoTime(execution.startedAt),
    isolation: execution.tier,
    stage: result.stage,
    usage: usageAnswer(result.usage),
    compile_usage: result.compileUsage && usageAnswer(result.compileUsage),
    truncated:
      result.stdout.truncated || result.stderr.truncated || result.outputsTruncated || result.artifactsTruncated,
    deleted: [...execution.deleted],
    artifacts_lost: execution.lost.length,
    lost: execution.lost.map(({ path, reason }) => ({ path, reason })),
  };
}

/** To microseconds: what is behind is the error of a sum. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function usageAnswer({ cpuMs, wallMs, peakMemoryBytes }: Usage) {
  return { cpu_ms: rounded(cpuMs), wall_ms: rounded(wallMs), peak_memory_bytes: peakMemoryBytes };
}

export function finishedAnswer(execution: Execution): Finished {
  const { stdout, stderr, outputs, error } = execution.result;
  return {
    ...endOf(execution),
    stdout: stdout.text,
    stderr: stderr.text,
    results: outputs.map(({ bundle }): MimeBundle => bundle),
    error: error && { ...error, traceback: [...error.traceback] },
    artifacts: artifactsOf(execution.files),
  };
}

export function unfinishedAnswer({ id, sessionId, language, status, pending }: RunningExecution): Unfinished {
  const identity = { id, session_id: sessionId, language };
  if (pending.length > 0)
    return { ...identity, status: 'tool_calls', tool_calls: pending.map((call) => ({ ...call })) };
  return { ...identity, status: status === 'queued' ? 'queued' : 'running' };
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
