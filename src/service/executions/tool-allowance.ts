import { callableTools, DragomanError, type ToolDefinition } from '../../core/index.ts';
import type { Language } from '../../runner/index.ts';

export interface ToolAllowanceOptions {
  /** Executions of one principal that may call tools, at once. */
  readonly maxToolExecutions: number;
  /** None that may call tools begins while less memory than this is available. */
  readonly reserveBytes: number;
  readonly availableMemory: () => number;
}

/** Which executions may call tools of their caller: one that waits for an answer keeps its memory for as long as the caller takes. */
export class ToolAllowance {
  readonly #options: ToolAllowanceOptions;
  /** Of executions under way, by owner. */
  readonly #counts = new Map<string, number>();

  constructor(options: ToolAllowanceOptions) {
    this.#options = options;
  }

  /**
   * Checks tools and counts an execution that has them. Returns what ends the counting; call it once.
   * @throws DragomanError invalid_request for tools that code cannot call; rate_limited, overloaded
   */
  take(owner: string, language: Language, tools: readonly ToolDefinition[]): () => void {
    const { maxToolExecutions, availableMemory, reserveBytes } = this.#options;
    if (language.tools === null)
      throw new DragomanError('invalid_request', { message: `programs in ${language.title} cannot call tools` });
    callableTools(tools, language.tools);
    const retryAfterSeconds = 5;
    if ((this.#counts.get(owner) ?? 0) >= maxToolExecutions) {
      const message = `${maxToolExecutions} executions that may call tools are under way already`;
      throw new DragomanError('rate_limited', { message, retryAfterSeconds });
    }
    if (availableMemory() < reserveBytes) throw new DragomanError('overloaded', { retryAfterSeconds });
    this.#add(owner, 1);
    return () => this.#add(owner, -1);
  }

  #add(owner: string, change: number): void {
    const count = (this.#counts.get(owner) ?? 0) + change;
    if (count > 0) this.#counts.set(owner, count);
    else this.#counts.delete(owner);
  }
}
