import { pathOf } from './address.ts';
import type { Tool, ToolCall, ToolResult } from './api.ts';
import type { Transport } from './transport.ts';

/** A function of the caller that code in the sandbox may call. Its input was checked against `parameters` by the service. */
export interface CallableTool {
  readonly description?: string;
  /** JSON Schema of an object; absent: it takes nothing. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /**
   * Answers a call with any JSON value. What it throws becomes an exception in the program. The signal aborts when the execution is
   * over or given up.
   */
  call(input: Record<string, unknown>, signal: AbortSignal): unknown;
}

/** By name: letters, digits, `_` and `-`. */
export type CallableTools = Readonly<Record<string, CallableTool>>;

export function definitionsOf(tools: CallableTools): Tool[] {
  return Object.entries(tools).map(([name, { description, parameters }]) => ({
    name,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
  }));
}

/** Answers the tool calls of one execution. */
export class ToolDesk {
  readonly #tools: CallableTools;
  readonly #transport: Transport;
  readonly #over = new AbortController();
  /** After a lost connection calls are told again. */
  readonly #taken = new Set<string>();

  constructor(tools: CallableTools, transport: Transport) {
    this.#tools = tools;
    this.#transport = transport;
  }

  /** Starts to answer a call, once. Rejects when the answer cannot be delivered. */
  async answer(executionId: string, call: ToolCall): Promise<void> {
    if (this.#taken.has(call.id)) return;
    this.#taken.add(call.id);
    const result = await this.#resultOf(call);
    if (this.#over.signal.aborted) return;
    try {
      await this.#transport.json('POST', pathOf('executions', executionId, 'tool_results'), {
        json: { results: [result] },
        headers: { prefer: 'respond-async' },
        // The same answer twice changes nothing.
        repeatable: true,
        signal: this.#over.signal,
      });
    } catch (error) {
      if (!this.#over.signal.aborted) throw error;
    }
  }

  /** No call is answered any more. */
  close(): void {
    this.#over.abort();
  }

  async #resultOf({ id, name, input }: ToolCall): Promise<ToolResult> {
    const tool = Object.hasOwn(this.#tools, name) ? this.#tools[name] : undefined;
    if (!tool) return { id, error: `There is no tool ${name}` };
    try {
      const value = await tool.call(input, this.#over.signal);
      return { id, value: JSON.parse(JSON.stringify(value ?? null)) };
    } catch (error) {
      return { id, error: error instanceof Error ? error.message || error.name : String(error) };
    }
  }
}
