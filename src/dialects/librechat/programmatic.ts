import { constants } from 'node:os';
import { DragomanError, type ExecutionResult, type ToolResult } from '../../core/index.ts';
import type { Execution, ExecutionRequest, Round, RoundRef } from '../../service/index.ts';
import { sessionIds } from './answers.ts';
import { type ContinuationBody, type ProgramAnswer, type ProgramBody, tokenPattern } from './programmatic-wire.ts';
import { namesOf, toAnswer, toRequest, wallMsOf } from './translate.ts';

const longestMs = 300_000;
/** The reference server keeps its replays in a file of this name. */
const reservedName = '_ptc_history.json';

/**
 * What a body asks to run.
 * @param sessionId of a lasting session to run in
 * @throws DragomanError invalid_request
 */
export function toProgram(
  { code, tools, lang, language, timeout, files }: ProgramBody,
  sessionId: string | undefined,
): ExecutionRequest {
  const { files: inputs = [] } = toRequest({ lang: '', code, files });
  if (inputs.some(({ path }) => path.split('/').at(-1) === reservedName))
    refuse(`a file must not be named ${reservedName}`);
  return {
    sessionId,
    language: lang || language || 'python',
    code,
    asProgram: true,
    files: inputs,
    wallMs: Math.min(timeout == null ? longestMs : wallMsOf(timeout), longestMs),
    tools: tools.map(({ name, description, parameters }) => ({
      name,
      description: description ?? undefined,
      parameters: parameters ?? undefined,
    })),
    // What the client calls its inputs, by path, where that differs.
    notes: Object.fromEntries(namesOf(files)),
  };
}

export function toRoundRef({ continuation_token: token }: ContinuationBody): RoundRef {
  const [, executionId, round, worker] = tokenPattern.exec(token)!;
  return { executionId: executionId!, round: Number(round), worker: worker! };
}

export function toResult({
  call_id: id,
  result,
  is_error,
  error_message,
}: ContinuationBody['tool_results'][number]): ToolResult {
  if (is_error) return { id, error: error_message || 'tool execution failed' };
  return { id, value: result ?? null };
}

/** @param ref what the client asked to go on with, if it did */
export function toProgramAnswer(round: Round, ref: RoundRef | undefined): ProgramAnswer {
  if (round.type === 'lost') return endedWithWorker(ref!.executionId);
  if (round.type === 'ended') return endAnswer(round.execution, new Map(Object.entries(round.notes)));
  const { executionId, round: number, worker } = round.ref;
  return {
    status: 'tool_call_required',
    ...sessionIds(round.sessionId),
    continuation_token: `${executionId}.${number}.${worker}`,
    tool_calls: round.calls.map(({ id, name, input }) => ({ id, name, input })),
    partial_stdout: round.shown,
  };
}

/**
 * The answer for a program whose worker has ended. Clients show stderr to the model; with an error status they would
 * send the same request again.
 */
function endedWithWorker(id: string): ProgramAnswer {
  const stderr =
    '[sandbox] The service was restarted while the program waited, and the program has ended. Run it again.\n';
  return { status: 'error', error: 'Execution failed or timed out', ...sessionIds(id), stdout: '', stderr, files: [] };
}

function endAnswer(execution: Execution, names: ReadonlyMap<string, string>): ProgramAnswer {
  const { code, signal, message, status, ...ended } = toAnswer(execution, names);
  const error = faultOf(execution.result);
  return error === undefined ? { status: 'completed', ...ended } : { status: 'error', error, ...ended };
}

/** Why it failed, in texts that clients show; they hide others. */
function faultOf({ outcome, exitCode, signal, stdout, stderr }: ExecutionResult): string | undefined {
  if (outcome === 'timed_out') return 'Time limit exceeded';
  if (outcome === 'out_of_memory') return 'Out of memory';
  if (outcome === 'output_limit') return `${stderr.bytes > stdout.bytes ? 'stderr' : 'stdout'} length exceeded`;
  if (outcome !== 'completed') return 'Execution failed or timed out';
  if (exitCode === 0) return undefined;
  const number = constants.signals[signal as keyof typeof constants.signals] as number | undefined;
  return `Sandbox exited with code ${exitCode ?? (number === undefined ? 'unknown' : 128 + number)}`;
}

function refuse(message: string): never {
  throw new DragomanError('invalid_request', { message });
}
