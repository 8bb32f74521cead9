import type { AgentEvent, AssistantPart, ProviderState, TokenUsage } from '../../../agent/index.ts';
import { newWireId } from '../ids.ts';
import { codeResults, filesOf } from './results.ts';
import type { CodeCall, Completion, ToolCall } from './wire.ts';

/** The next piece of a message, as the delta of a stream. */
export interface Delta {
  readonly content?: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly {
    readonly index: number;
    readonly id?: string;
    readonly type?: 'function';
    readonly function: { readonly name?: string; readonly arguments: string };
  }[];
}

type FinishReason = Completion['choices'][number]['finish_reason'];
type End = Extract<AgentEvent, { type: 'end' }>;

/** One answer while it grows: its text, calls and code. */
export class Answer {
  content = '';
  reasoning = '';
  readonly toolCalls: ToolCall[] = [];
  readonly codeCalls: Omit<CodeCall, 'container_id'>[] = [];
  /** Everything in order, with the agent's ids of calls. */
  readonly parts: AssistantPart[] = [];
  /** Files were made. */
  hasFiles = false;
  /** The client's ids of calls, by the agent's ids. */
  readonly #wireIds = new Map<string, string>();
  #isApart = false;
  #code = '';

  /** Takes the next event. @returns what the client is told at once */
  take(event: AgentEvent): Delta | undefined {
    switch (event.type) {
      case 'text':
        return this.#text(event.delta);
      case 'reasoning':
        this.reasoning += event.delta;
        this.#append('reasoning', event.delta);
        return { reasoning_content: event.delta };
      case 'code_ready':
        this.#code = event.code;
        return undefined;
      case 'code_done':
        this.#ran(event);
        return undefined;
      case 'function_start': {
        const id = newWireId('call');
        const { name } = event;
        this.#wireIds.set(event.callId, id);
        this.toolCalls.push({ id, type: 'function', function: { name, arguments: '' } });
        return this.#callDelta({ id, type: 'function', function: { name, arguments: '' } });
      }
      case 'function_delta':
        this.#lastCall.function.arguments += event.delta;
        return this.#callDelta({ function: { arguments: event.delta } });
      case 'function_call':
        return this.#called(event);
      default:
        return undefined;
    }
  }

  #text(delta: string): Delta {
    // Text before and after a run of code are separate paragraphs.
    const gap = this.#isApart && this.content !== '' && !/\s$/.test(this.content) ? '\n\n' : '';
    this.#isApart = false;
    this.content += gap + delta;
    this.#append('text', delta);
    return { content: gap + delta };
  }

  #ran({ callId, execution, modelView }: Extract<AgentEvent, { type: 'code_done' }>): void {
    const files = filesOf(execution);
    if (files.length > 0) this.hasFiles = true;
    this.#isApart = true;
    this.codeCalls.push({ id: newWireId('codeCall'), code: this.#code, ...codeResults(execution), files });
    this.parts.push({ type: 'code_call', callId, code: this.#code, modelView });
  }

  #called({ callId, name, arguments: given }: Extract<AgentEvent, { type: 'function_call' }>): Delta | undefined {
    const call = this.#lastCall;
    const missing = given.slice(call.function.arguments.length);
    call.function.arguments = given;
    this.parts.push({ type: 'function_call', callId, name, arguments: given });
    return missing === '' ? undefined : this.#callDelta({ function: { arguments: missing } });
  }

  get #lastCall(): ToolCall {
    return this.toolCalls.at(-1)!;
  }

  #callDelta(call: Omit<NonNullable<Delta['tool_calls']>[number], 'index'>): Delta {
    return { tool_calls: [{ index: this.toolCalls.length - 1, ...call }] };
  }

  #append(type: 'text' | 'reasoning', text: string): void {
    const last = this.parts.at(-1);
    if (last?.type === type) this.parts[this.parts.length - 1] = { type, text: last.text + text };
    else this.parts.push({ type, text });
  }

  /** The steps to store for a later request: with the client's ids of calls and the provider's state. */
  partsToKeep(states: Readonly<Record<string, ProviderState>>): AssistantPart[] {
    return this.parts.map((part) =>
      'callId' in part
        ? { ...part, callId: this.#wireIds.get(part.callId) ?? part.callId, providerState: states[part.callId] }
        : part,
    );
  }

  /** The code that ran. @param container null when it is removed after the request */
  codeCallsIn(container: string | null): CodeCall[] {
    return this.codeCalls.map((call) => ({ ...call, container_id: container }));
  }
}

export function finishReason({ reason }: End['end']): FinishReason {
  if (reason === 'functions') return 'tool_calls';
  return reason === 'length' || reason === 'content_filter' ? reason : 'stop';
}

export function usageOf({ inputTokens, cachedTokens, outputTokens, reasoningTokens }: TokenUsage): Completion['usage'] {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  };
}
