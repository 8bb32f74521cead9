import type { ExecutionEvent, ToolCall, ToolResult } from '../../core/index.ts';
import type { NumberedEvent } from '../../event-log/index.ts';
import type { Runner } from '../../runner/index.ts';
import type { DistantExecution } from '../executions/distant-execution.ts';
import type { Execution } from '../executions/executions.ts';
import { readJob } from '../executions/job-reading.ts';
import { digestOf, Opening } from '../executions/tracked-execution.ts';
import type { ExecutionNote } from '../peers/peers.ts';
import type { RoundedExecution } from './rounded-execution.ts';

/** The events that are there have come when no other comes for so long. */
const quietMs = 300;
const firstMs = 3000;

/** An execution with tools whose home has died, as its events tell of it. Its program waits on its worker, and goes on there. */
export class OrphanedExecution implements RoundedExecution {
  readonly notes: Readonly<Record<string, string>>;
  readonly authContext: string | undefined;
  isAwaited = false;
  isCancelled = false;
  readonly #execution: DistantExecution;
  readonly #opening = new Opening();
  /** Every call that it has made. */
  readonly #called = new Set<string>();
  /** Digests of the answers that were given through this gateway, by call. */
  readonly #answered = new Map<string, string>();
  #seen = 0;
  #worker: string | undefined;
  #calls: readonly ToolCall[] = [];
  #calledAt = 0;
  #rounds = 0;

  private constructor(execution: DistantExecution, { notes = {}, authContext }: ExecutionNote) {
    this.#execution = execution;
    this.notes = notes;
    this.authContext = authContext;
  }

  /** Reads what it has told so far. */
  static async read(
    execution: DistantExecution,
    note: ExecutionNote,
    runner: Pick<Runner, 'events'>,
  ): Promise<OrphanedExecution> {
    const orphan = new OrphanedExecution(execution, note);
    orphan.#worker = (await readJob(runner, note))?.worker;
    const stop = new AbortController();
    let timer = setTimeout(() => stop.abort(), firstMs);
    for await (const _ of orphan.events(0, stop.signal)) {
      clearTimeout(timer);
      timer = setTimeout(() => stop.abort(), quietMs);
    }
    clearTimeout(timer);
    return orphan;
  }

  get id(): string {
    return this.#execution.id;
  }

  get sessionId(): string {
    return this.#execution.sessionId;
  }

  get status() {
    return this.#execution.status;
  }

  get done(): Promise<Execution> {
    return this.#execution.done;
  }

  get worker(): string | undefined {
    return this.#worker;
  }

  get calls(): readonly ToolCall[] {
    return this.#calls;
  }

  get calledAt(): number {
    return this.#calledAt;
  }

  get rounds(): number {
    return this.#rounds;
  }

  get opening(): string {
    return this.#opening.text;
  }

  /** What its home was told has died with that: an answer to one of its calls is taken for the one it had. */
  hasHad(results: readonly ToolResult[]): boolean {
    return results.every(
      (result) => this.#called.has(result.id) && [undefined, digestOf(result)].includes(this.#answered.get(result.id)),
    );
  }

  async *events(after = 0, signal?: AbortSignal): AsyncGenerator<NumberedEvent<ExecutionEvent>> {
    for await (const numbered of this.#execution.events(after, signal)) {
      this.#observe(numbered);
      yield numbered;
    }
  }

  async answer(results: readonly ToolResult[]): Promise<void> {
    await this.#execution.answer(results);
    for (const result of results) this.#answered.set(result.id, digestOf(result));
  }

  cancel(): void {
    this.isCancelled = true;
    this.#execution.cancel();
  }

  #observe({ number, event }: NumberedEvent<ExecutionEvent>): void {
    if (number <= this.#seen) return;
    this.#seen = number;
    if (event.type === 'stdout') this.#opening.add(event.data);
    if (event.type !== 'tool_calls') return;
    this.#calls = event.calls;
    this.#calledAt = number;
    this.#rounds++;
    for (const { id } of event.calls) this.#called.add(id);
  }
}
