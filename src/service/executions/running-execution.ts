import {
  DragomanError,
  type ExecutionEvent,
  newId,
  type Principal,
  type ToolCall,
  type ToolResult,
  weightOf,
} from '../../core/index.ts';
import type { CellExecution, NumberedEvent, RunningExecution } from '../sessions/sessions.ts';
import type { Place } from './place.ts';
import type { ToolDesk } from './tool-desk.ts';

/** Kept of one execution's history. */
const maxHistoryBytes = 8 * 1024 * 1024;

/** What an execution does to its handle while it runs. */
export interface ExecutionDriver {
  /** Aborts when it is to be ended. */
  readonly signal: AbortSignal;
  /** Where its tool calls are answered, if it may make any. */
  readonly tools: ToolDesk | undefined;
  /** It has its place and begins. */
  running(place: Place): void;
  tell(event: ExecutionEvent): void;
}

/** An execution's side towards whoever started it, and its history. */
export class TrackedExecution implements RunningExecution {
  readonly id: string;
  readonly sessionId: string;
  readonly language: string;
  readonly principal: Pick<Principal, 'id' | 'tenant'>;
  readonly code: string;
  readonly done: Promise<CellExecution>;
  readonly #abort = new AbortController();
  readonly #tools: ToolDesk | undefined;
  #status: RunningExecution['status'] = 'queued';
  #events: NumberedEvent[] = [];
  #last = 0;
  #bytes = 0;
  #resultBytes = 0;
  #news = Promise.withResolvers<void>();

  /** Begins at once. `work` resolves with what came of it; `id` is the execution's. */
  constructor(
    facts: {
      principal: Principal;
      sessionId?: string | undefined;
      language: string;
      code: string;
      tools?: ToolDesk | undefined;
    },
    work: (driver: ExecutionDriver, id: string) => Promise<CellExecution>,
  ) {
    this.id = newId();
    // One that has no session is one of its own.
    this.sessionId = facts.sessionId ?? this.id;
    this.language = facts.language;
    this.code = facts.code;
    this.principal = { id: facts.principal.id, tenant: facts.principal.tenant };
    this.#tools = facts.tools;
    const driver: ExecutionDriver = {
      signal: this.#abort.signal,
      tools: facts.tools,
      running: (place) => {
        this.#status = 'running';
        facts.tools?.begin(place);
      },
      tell: (event) => this.#tell(event),
    };
    const ended = work(driver, this.id).then((execution) => {
      this.#resultBytes = weightOf(execution.result);
      return execution;
    });
    this.done = ended.finally(() => {
      this.#status = 'done';
      this.#news.resolve();
    });
    // Whoever awaits it hears of it; nobody may be there.
    this.done.catch(() => {});
  }

  get status(): RunningExecution['status'] {
    return this.#status;
  }

  get pending(): readonly ToolCall[] {
    return this.#tools?.pending ?? [];
  }

  get last(): number {
    return this.#last;
  }

  /** Bytes it holds, about: its history, its code and what came of it. */
  get bytes(): number {
    return this.#bytes + this.#resultBytes + this.code.length;
  }

  async *events(after = 0, signal?: AbortSignal): AsyncGenerator<NumberedEvent> {
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
    const stop = () => abort();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      for (let seen = after; !signal?.aborted; ) {
        const news = this.#news.promise;
        const over = this.#status === 'done';
        const next = this.#after(seen);
        for (const event of next) {
          yield event;
          seen = event.number;
          if (signal?.aborted) return;
        }
        if (next.length > 0) continue;
        if (over) return;
        await Promise.race([news, aborted]);
      }
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** The events after a number. They are in order: a long history is not walked through for each new one. */
  #after(number: number): NumberedEvent[] {
    let low = 0;
    for (let high = this.#events.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.#events[middle]!.number > number) high = middle;
      else low = middle + 1;
    }
    return this.#events.slice(low);
  }

  answer(results: readonly ToolResult[]): void {
    if (!this.#tools) throw new DragomanError('invalid_request', { message: 'It has no tools to call.' });
    this.#tools.answer(results, () => {
      if (this.#status === 'waiting') this.#status = 'running';
    });
  }

  cancel(): void {
    this.#abort.abort();
  }

  #tell(event: ExecutionEvent): void {
    if (event.type === 'tool_calls') {
      this.#status = 'waiting';
      this.#tools?.wait();
    }
    this.#events.push({ number: ++this.#last, event });
    this.#bytes += weight(event);
    // What was shown matters more than what was printed.
    while (this.#bytes > maxHistoryBytes && this.#events.length > 1) {
      const stream = this.#events.findIndex(({ event: { type } }) => type === 'stdout' || type === 'stderr');
      const [dropped] = this.#events.splice(Math.max(0, stream), 1);
      this.#bytes -= weight(dropped!.event);
    }
    this.#news.resolve();
    this.#news = Promise.withResolvers<void>();
  }
}

function weight(event: ExecutionEvent): number {
  return 100 + weightOf('data' in event ? event.data : event);
}
