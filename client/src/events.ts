import type { Artifact, Execution, MimeBundle, ProgramError, ToolCall } from './api.ts';
import { ApiError } from './errors.ts';
import type { ServerSentEvent } from './server-sent-events.ts';

/** How an execution ended: an `Execution` without what events have told before. */
export type ExecutionEnd = Omit<Execution, 'stdout' | 'stderr' | 'results' | 'error' | 'artifacts'>;

/** What happens while code runs, in its order. */
export type ExecutionEvent =
  | { readonly type: 'start'; readonly id: string; readonly session_id: string; readonly language: string }
  | { readonly type: 'stdout' | 'stderr'; readonly text: string }
  /** What the code displayed, and the value of its last expression. */
  | { readonly type: 'display' | 'result'; readonly bundle: MimeBundle }
  | { readonly type: 'error'; readonly error: ProgramError }
  | { readonly type: 'tool_call'; readonly call: ToolCall }
  /** Events that the service no longer has. */
  | { readonly type: 'gap'; readonly from: number; readonly to: number }
  | { readonly type: 'artifact'; readonly artifact: Artifact }
  | { readonly type: 'done'; readonly end: ExecutionEnd };

/** Undefined for events of a later version. @throws ApiError for an execution that the service could not go on with */
export function executionEventOf({ event, data: text }: ServerSentEvent): ExecutionEvent | undefined {
  const data = JSON.parse(text);
  switch (event) {
    case 'start':
    case 'gap':
    case 'stdout':
    case 'stderr':
      return { type: event, ...data };
    case 'display':
    case 'result':
      return { type: event, bundle: data };
    case 'error':
      return { type: event, error: data };
    case 'tool_call':
      return { type: event, call: data };
    case 'artifact':
      return { type: event, artifact: data };
    case 'done':
      return { type: event, end: data };
    case 'failed':
      throw new ApiError({ status: 0, code: data.error, message: data.message });
    default:
      return undefined;
  }
}

/** Puts events together to the `Execution` that a request without events is answered with. */
export class Folded {
  #stdout = '';
  #stderr = '';
  readonly #results: MimeBundle[] = [];
  readonly #artifacts: Artifact[] = [];
  #error: ProgramError | null = null;
  /** Something is missing: only the service knows the whole. */
  hasGap = false;

  take(event: ExecutionEvent): void {
    if (event.type === 'stdout') this.#stdout += event.text;
    else if (event.type === 'stderr') this.#stderr += event.text;
    else if (event.type === 'display' || event.type === 'result') this.#results.push(event.bundle);
    else if (event.type === 'error') this.#error = event.error;
    else if (event.type === 'artifact') this.#artifacts.push(event.artifact);
    else if (event.type === 'gap') this.hasGap = true;
  }

  execution(end: ExecutionEnd): Execution {
    return {
      ...end,
      stdout: this.#stdout,
      stderr: this.#stderr,
      results: this.#results,
      error: this.#error,
      artifacts: this.#artifacts,
    };
  }
}
