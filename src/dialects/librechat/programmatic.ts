import { constants } from 'node:os';
import {
  DragomanError,
  type ExecutionResult,
  newId,
  type Principal,
  type ToolCall,
  type ToolResult,
} from '../../core/index.ts';
import type { Execution, ExecutionRequest, Executions, RunningExecution } from '../../service/index.ts';
import { sessionIds } from './answers.ts';
import { isSame, LastAnswers } from './last-answers.ts';
import { type ContinuationBody, type ProgramAnswer, type ProgramBody, tokenPattern } from './programmatic-wire.ts';
import { namesOf, toAnswer, toRequest, wallMsOf } from './translate.ts';

/** A program that has begun and whose end no client has been told. */
interface Program {
  readonly principal: Principal;
  readonly execution: RunningExecution;
  /** What its client calls its inputs, by path, where that differs. */
  readonly names: ReadonlyMap<string, string>;
  /** How many events of its history were read. */
  seen: number;
  /** How many rounds of calls it has made. */
  round: number;
  calls: readonly ToolCall[];
  /** The beginning of what it has printed. */
  partial: string;
  readonly decoder: InstanceType<typeof TextDecoder>;
  /** A request waits for what it does next. */
  isAwaited: boolean;
}

const longestMs = 300_000;
const maxPartialLength = 65_536;
/** The reference server keeps its replays in a file of this name. */
const reservedName = '_ptc_history.json';

/**
 * Programs that call their client's tools: each request leads to the next round of calls, or to the end. The program stays
 * alive in between, so what it did is done once.
 */
export class Programs {
  readonly #executions: Pick<Executions, 'start'>;
  /** By execution. */
  readonly #programs = new Map<string, Program>();
  readonly #last: LastAnswers;
  /** This run of the service: programs end with it. */
  readonly #life = newId();

  constructor(executions: Pick<Executions, 'start'>, now: () => number) {
    this.#executions = executions;
    this.#last = new LastAnswers(now);
  }

  /**
   * Begins one. It ends when `signal` aborts.
   * @param sessionId of a lasting session to run in
   * @throws DragomanError as `Executions.start`; cancelled
   */
  async start(
    principal: Principal,
    body: ProgramBody,
    sessionId: string | undefined,
    signal: AbortSignal,
  ): Promise<ProgramAnswer> {
    const execution = await this.#executions.start(principal, { ...toProgram(body), sessionId });
    const decoder = new TextDecoder();
    const program: Program = {
      principal,
      execution,
      names: namesOf(body.files),
      seen: 0,
      round: 0,
      calls: [],
      partial: '',
      decoder,
      isAwaited: true,
    };
    this.#programs.set(execution.id, program);
    const forget = () => {
      if (!program.isAwaited) this.#programs.delete(execution.id);
    };
    execution.done.then(forget, forget);
    return this.#next(program, signal);
  }

  /**
   * Answers calls and goes on. A program of an earlier run of the service has failed. It ends when `signal` aborts. The request
   * that a program ended with may be sent again.
   * @throws DragomanError not_found for a program that has ended, never began or belongs to another principal; conflict while
   *   another request waits for it, or for an answer that contradicts an earlier one; invalid_request; cancelled
   */
  async resume(principal: Principal, body: ContinuationBody, signal: AbortSignal): Promise<ProgramAnswer> {
    const [, id, round, life] = tokenPattern.exec(body.continuation_token)!;
    if (life !== this.#life) return endedWithService(id!);
    const program = this.#programs.get(id!);
    const last = this.#last.find(id!, principal, body);
    if (last) return last;
    if (!program || program.execution.status === 'done' || !isSame(principal, program.principal))
      throw new DragomanError('not_found', { message: 'Execution not found or expired' });
    if (Number(round) > program.round) refuse('continuation_token: is not one of ours');
    if (program.isAwaited)
      throw new DragomanError('conflict', { message: 'Another continuation of this execution is under way' });
    const results = body.tool_results.map(toResult);
    // From here on no other continuation may answer.
    program.isAwaited = true;
    try {
      await program.execution.answer(results);
    } catch (error) {
      program.isAwaited = false;
      throw error;
    }
    const answered = new Set(results.map((result) => result.id));
    // The program has had these results before, so it still waits for others.
    if (!program.calls.some((call) => answered.has(call.id))) {
      program.isAwaited = false;
      return this.#round(program);
    }
    const answer = await this.#next(program, signal);
    if (answer.status !== 'tool_call_required') this.#last.keep(id!, principal, body, answer);
    return answer;
  }

  /** Waits until it calls again or ends. */
  async #next(program: Program, signal: AbortSignal): Promise<ProgramAnswer> {
    const { execution } = program;
    try {
      for await (const { number, event } of execution.events(program.seen, signal)) {
        program.seen = number;
        if (event.type === 'stdout') addOutput(program, event.data);
        if (event.type !== 'tool_calls') continue;
        program.round++;
        program.calls = event.calls;
        program.isAwaited = false;
        return this.#round(program);
      }
      if (signal.aborted) throw new DragomanError('cancelled');
      const ended = await execution.done;
      if (ended.result.outcome === 'cancelled') throw new DragomanError('cancelled');
      return endAnswer(ended, program.names);
    } finally {
      if (program.isAwaited) {
        this.#programs.delete(execution.id);
        execution.cancel();
      }
    }
  }

  #round({ execution, round, calls, partial }: Program): ProgramAnswer {
    return {
      status: 'tool_call_required',
      ...sessionIds(execution.sessionId),
      continuation_token: `${execution.id}.${round}.${this.#life}`,
      tool_calls: calls.map(({ id, name, input }) => ({ id, name, input })),
      partial_stdout: partial,
    };
  }

  /** Ends a program that waits for its client. @param token of its last round */
  cancel(token: string): void {
    this.#programs.get(tokenPattern.exec(token)![1]!)?.execution.cancel();
  }
}

/** @throws DragomanError invalid_request */
function toProgram({ code, tools, lang, language, timeout, files }: ProgramBody): ExecutionRequest {
  const { files: inputs = [] } = toRequest({ lang: '', code, files });
  if (inputs.some(({ path }) => path.split('/').at(-1) === reservedName))
    refuse(`a file must not be named ${reservedName}`);
  return {
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
  };
}

function toResult({
  call_id: id,
  result,
  is_error,
  error_message,
}: ContinuationBody['tool_results'][number]): ToolResult {
  if (is_error) return { id, error: error_message || 'tool execution failed' };
  return { id, value: result ?? null };
}

function addOutput(program: Program, data: Uint8Array): void {
  const room = maxPartialLength - program.partial.length;
  if (room > 0) program.partial += program.decoder.decode(data, { stream: true }).slice(0, room);
}

/**
 * The answer for a program of an earlier run of the service. Clients show stderr to the model; with an error status they would
 * send the same request again.
 */
function endedWithService(id: string): ProgramAnswer {
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
