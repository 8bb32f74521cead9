import { clientPath, DragomanError, isId, relativeName, restoredText } from '../../core/index.ts';
import type { Execution, ExecutionRequest, InputFile, ReportedFile } from '../../service/index.ts';
import { type ExecAnswer, type ExecFile, sessionIds } from './answers.ts';
import { fileClaim } from './scopes.ts';
import { statisticsOf } from './statistics.ts';
import type { ExecBody, WireFileRef } from './wire.ts';

/** Unchanged inputs are listed up to this many files in all; what a run made is always listed. */
const maxListed = 50;
/** Files that were lost are named up to so many. */
const mostNamed = 20;
/** A shorter time is a number of seconds that was taken for milliseconds. */
const leastTimeoutMs = 100;

/** @throws DragomanError invalid_request */
export function toRequest(body: ExecBody): ExecutionRequest {
  return {
    language: body.lang,
    code: body.code,
    args: body.args ?? [],
    files: inputsOf(body.files ?? []),
    ...(body.timeout ? { wallMs: wallMsOf(body.timeout) } : {}),
  };
}

/** @throws DragomanError invalid_request for a time that was probably meant in seconds */
export function wallMsOf(timeout: number): number {
  if (timeout >= leastTimeoutMs) return Math.ceil(timeout);
  throw invalid(
    `timeout: is in milliseconds and at least ${leastTimeoutMs}; for ${timeout} seconds send ${Math.ceil(timeout * 1000)}`,
  );
}

/** Of several references with one path the last counts: a conversation that has two files of one name goes on. */
function inputsOf(refs: readonly WireFileRef[]): InputFile[] {
  return [...new Map(refs.map((ref) => [clientPath(ref.name), toInput(ref)])).values()];
}

/**
 * The names of inputs that have another form of Unicode than their paths, by path. Clients follow a file by its name, so an answer
 * calls it as the request did.
 */
export function namesOf(refs: readonly WireFileRef[] | null | undefined): ReadonlyMap<string, string> {
  const names = (refs ?? []).map(({ name }) => [clientPath(name), relativeName(name)] as const);
  return new Map(names.filter(([path, name]) => path !== name));
}

function invalid(message: string): DragomanError {
  return new DragomanError('invalid_request', { message });
}

function toInput(ref: WireFileRef): InputFile {
  const sessionId = ref.storage_session_id || ref.session_id;
  if (!isId(ref.id) || !isId(sessionId)) {
    throw new DragomanError('invalid_request', { message: 'a file reference needs id and storage_session_id' });
  }
  const { kind, resource_id, version, entity_id } = ref;
  return {
    sessionId,
    fileId: ref.id,
    scope: fileClaim({ kind, id: resource_id, version, entityId: entity_id }),
    path: clientPath(ref.name),
  };
}

/**
 * The files of an answer carry the id of the session they are stored in, which is the answer's own.
 * @param names what the client calls its inputs, by path, where that differs
 */
export function toAnswer(execution: Execution, names: ReadonlyMap<string, string> = new Map()): ExecAnswer {
  const { result, deleted, lost } = execution;
  const reasons = endings(execution);
  const { files: listedFiles, delivered } = listed(execution.files);
  const named = (path: string) => names.get(path) ?? path;
  const files = listedFiles.map((file) => ({ ...file, name: named(file.name) }));
  return {
    ...sessionIds(execution.sessionId),
    stdout: result.stdout.text,
    stderr: restoredLine(execution) + result.stderr.text + reasons.map((reason) => `\n[sandbox] ${reason}\n`).join(''),
    code: result.exitCode,
    signal: result.signal,
    message: reasons[0] ?? null,
    status: statusOf(execution),
    ...statisticsOf(result),
    files,
    ...(deleted.length > 0 ? { deleted_files: deleted.map(named) } : {}),
    ...(lost.length > 0
      ? {
          artifact_delivery: {
            code: 'artifact_delivery_failed',
            status: delivered > 0 ? 'partial' : 'failed',
            attempted: delivered + lost.length,
            delivered,
            failed: lost.length,
          },
        }
      : {}),
  };
}

/** What became of saved variables, for the model to see first. */
function restoredLine({ restored }: Execution): string {
  return restored ? `[sandbox] ${restoredText(restored)}\n` : '';
}

function statusOf({ result }: Execution): ExecAnswer['status'] {
  if (result.outcome === 'timed_out') return 'TO';
  if (result.outcome === 'out_of_memory') return 'SG';
  // Shortened output counts as well: a client that reads data from it must know that some is missing.
  return result.outcome === 'output_limit' || result.stdout.truncated ? 'OL' : null;
}

/** What to tell the model, which sees nothing but the two streams. */
function endings({ result, lost }: Execution): string[] {
  const { outcome, stdout, stderr } = result;
  const reasons: string[] = [];
  if (outcome === 'timed_out') reasons.push('Time limit exceeded');
  if (outcome === 'out_of_memory') reasons.push('Out of memory');
  if (outcome === 'output_limit') reasons.push(`${stderr.bytes > stdout.bytes ? 'stderr' : 'stdout'} length exceeded`);
  if (outcome === 'killed') reasons.push('Killed');
  if (outcome === 'worker_lost') reasons.push('The machine that ran the code was lost: it may have run in part');
  if (outcome !== 'output_limit') {
    for (const [name, stream] of Object.entries({ stdout, stderr })) {
      if (stream.truncated) reasons.push(`${name} truncated at ${Buffer.byteLength(stream.text)} bytes`);
    }
  }
  if (result.artifactsTruncated) reasons.push('Some files were not kept: too many, or too large');
  if (lost.length > 0) {
    const more = lost.length > mostNamed ? ` and ${lost.length - mostNamed} more` : '';
    const named = lost.slice(0, mostNamed).map(({ path }) => path);
    reasons.push(`Not kept: ${named.join(', ')}${more}. ${lost[0]!.reason}`);
  }
  return reasons;
}

function listed(reported: readonly ReportedFile[]): { files: ExecFile[]; delivered: number } {
  const made = reported.flatMap((entry) => (entry.change === 'inherited' ? [] : [madeFile(entry)]));
  const inherited = reported.flatMap((entry) => (entry.change === 'inherited' ? [inheritedFile(entry)] : []));
  return { files: [...made, ...inherited.slice(0, Math.max(0, maxListed - made.length))], delivered: made.length };
}

function madeFile(entry: Exclude<ReportedFile, { change: 'inherited' }>): ExecFile {
  const { id, name, sessionId } = entry.file;
  const file = { id, name, ...sessionIds(sessionId) };
  if (entry.change === 'created') return file;
  return { ...file, modified_from: { id: entry.from.fileId, ...sessionIds(entry.from.sessionId) } };
}

/** Says whose file it is, as the caller did: it will send this entry back as its next reference. */
function inheritedFile({ path, ref }: Extract<ReportedFile, { change: 'inherited' }>): ExecFile {
  const { kind, ...named } = ref.scope;
  const { id, version } = { id: undefined, version: undefined, ...named };
  return {
    id: ref.fileId,
    name: path,
    ...sessionIds(ref.sessionId),
    inherited: true,
    ...(kind === 'unclaimed' ? {} : { kind }),
    ...(id === undefined ? {} : { resource_id: id }),
    ...(version === undefined ? {} : { version }),
  };
}
