import { callableTools, DragomanError, type ToolDefinition } from '../../core/index.ts';
import type { Language } from '../../runner/index.ts';

export interface ToolAllowanceOptions {
  /** Executions of one principal that may call tools, at once. */
  readonly maxToolExecutions: number;
  /** While less memory than this is available, one that may call tools begins only at the cost of an owner of more. */
  readonly reserveBytes: number;
  readonly availableMemory: () => number;
}

/** Which executions may call tools of their caller: one that waits for an answer keeps its memory for as long as the caller takes. */
export class ToolAllowance {
  readonly #options: ToolAllowanceOptions;
  /** What ends each execution under way, oldest first, by owner. */
  readonly #underWay = new Map<string, Set<() => void>>();

  constructor(options: ToolAllowanceOptions) {
    this.#options = options;
  }

  /**
   * Checks tools and counts an execution that has them. Returns what ends the counting. Where memory is short, the oldest execution of
   * the owner that has the most is cancelled, and never one of an owner that has no more than this one.
   * @param cancel ends the execution
   * @throws DragomanError invalid_request for tools that code cannot call; rate_limited, overloaded
   */
  take(owner: string, language: Language, tools: readonly ToolDefinition[], cancel: () => void): () => void {
    const { maxToolExecutions, availableMemory, reserveBytes } = this.#options;
    if (language.tools === null)
      throw new DragomanError('invalid_request', { message: `programs in ${language.title} cannot call tools` });
    callableTools(tools, language.tools);
    const retryAfterSeconds = 5;
    const own = this.#underWay.get(owner) ?? new Set();
    if (own.size >= maxToolExecutions) {
      const message = `${maxToolExecutions} executions that may call tools are under way already`;
      throw new DragomanError('rate_limited', { message, retryAfterSeconds });
    }
    if (availableMemory() < reserveBytes) {
      const most = [...this.#underWay.values()].reduce((a, b) => (b.size > a.size ? b : a), own);
      if (most.size <= own.size + 1) throw new DragomanError('overloaded', { retryAfterSeconds });
      const [oldest] = most;
      oldest!();
      most.delete(oldest!);
    }
    own.add(cancel);
    this.#underWay.set(owner, own);
    return () => {
      own.delete(cancel);
      if (own.size === 0 && this.#underWay.get(owner) === own) this.#underWay.delete(owner);
    };
  }
}
