import { DragomanError, type Principal } from '../core/index.ts';
import type { Execution, Executions, RunningExecution } from '../service/index.ts';
import type { AgentEvent, AgentJournal, AgentRequest, FunctionTool, Resumption } from './agent.ts';
import type { Call } from './blocks.ts';

export interface CodeRunOptions {
  readonly principal: Principal;
  readonly request: AgentRequest;
  readonly executions: Executions;
  readonly signal: AbortSignal;
  readonly journal?: AgentJournal | undefined;
}

/** Code whose end another process may wait for. */
export interface Sending {
  readonly executionId: string;
  /** Resolves when it is kept that the code is sent. */
  keep(): Promise<void>;
}

/** One piece of code on its way through a session. */
export class CodeRun {
  readonly #options: CodeRunOptions;
  readonly #call: Call;
  readonly #tools: readonly FunctionTool[];

  /** @param tools functions of the client's that the code may call */
  constructor(options: CodeRunOptions, call: Call, tools: readonly FunctionTool[]) {
    this.#options = options;
    this.#call = call;
    this.#tools = tools;
  }

  /** Runs it. @returns the execution; undefined when it waits for the client. @throws DragomanError */
  async *start(session: Promise<string>, sending?: Sending): AsyncGenerator<AgentEvent, Execution | undefined> {
    const { principal, request, executions, signal } = this.#options;
    const { callId } = this.#call;
    const code = this.#call.code!;
    const sessionId = await session;
    signal.throwIfAborted();
    const { tool, input } = this.#call;
    yield { type: 'code_ready', callId, code, sessionId, ...(input ? { input } : {}) };
    await sending?.keep();
    signal.throwIfAborted();
    const running = await executions.start(principal, {
      ...(sending ? { id: sending.executionId } : {}),
      sessionId,
      language: 'python',
      code,
      wallMs: request.code?.wallMs,
      ...tool?.order(input!),
      ...(this.#tools.length === 0 || tool
        ? {}
        : { tools: this.#tools.map(({ name, description, parameters }) => ({ name, description, parameters })) }),
    });
    return yield* this.#follow(running, 0);
  }

  /** Follows what an earlier process has sent. @returns as `start`; `lost` when nothing is known of it. @throws DragomanError */
  async *follow(executionId: string, after: number): AsyncGenerator<AgentEvent, Execution | undefined | 'lost'> {
    const { executions, principal } = this.#options;
    const running = await executions.find(principal, executionId).catch((error) => {
      if (error instanceof DragomanError && error.code === 'not_found') return undefined;
      throw error;
    });
    return running ? yield* this.#follow(running, after) : 'lost';
  }

  /** Answers what it waits for and goes on. @returns as `start`. @throws DragomanError not_found, conflict, invalid_request */
  async *resume(
    { executionId, after, code, results, callId }: Resumption,
    keep?: () => Promise<void>,
  ): AsyncGenerator<AgentEvent, Execution | undefined> {
    const running = await this.#options.executions.find(this.#options.principal, executionId);
    await running.answer(results);
    yield { type: 'code_start', callId };
    yield { type: 'code_delta', callId, delta: code };
    yield { type: 'code_ready', callId, code, sessionId: running.sessionId };
    // The program may wait for all of its calls: the client is asked for the missing ones at once.
    if (running.pending.length > 0) {
      yield { type: 'code_waiting', callId, executionId, calls: running.pending, after };
      return undefined;
    }
    await keep?.();
    return yield* this.#follow(running, after);
  }

  async *#follow(running: RunningExecution, after: number): AsyncGenerator<AgentEvent, Execution | undefined> {
    const { signal, journal } = this.#options;
    const { callId } = this.#call;
    let settled = false;
    const cancel = () => {
      if (!settled && !journal?.isLeft) running.cancel();
      settled = true;
    };
    // A cancelled run rejects, also when nothing waits for it any more.
    running.done.catch(() => {});
    signal.addEventListener('abort', cancel, { once: true });
    try {
      signal.throwIfAborted();
      for await (const { number, event } of running.events(after, signal)) {
        if (event.type === 'tool_calls') {
          settled = true;
          yield { type: 'code_waiting', callId, executionId: running.id, calls: event.calls, after: number };
          return undefined;
        }
        yield { type: 'code_output', callId, event };
      }
      signal.throwIfAborted();
      const execution = await running.done;
      settled = true;
      return execution;
    } catch (error) {
      if (signal.aborted) throw new DragomanError('cancelled');
      throw error;
    } finally {
      signal.removeEventListener('abort', cancel);
      cancel();
    }
  }
}
