import { pathOf } from './address.ts';
import type { Execution } from './api.ts';
import { type CallOptions, Deadline, deferred, pause } from './deadline.ts';
import { type ApiError, ConnectionError, DeadlineError } from './errors.ts';
import { type ExecutionEnd, type ExecutionEvent, executionEventOf, Folded } from './events.ts';
import { readEvents } from './server-sent-events.ts';
import { type CallableTools, ToolDesk } from './tools.ts';
import type { Transport } from './transport.ts';

export interface RunOptions extends CallOptions {
  /** What the code may call. */
  readonly tools?: CallableTools | undefined;
}

/** A stream without even a comment for so long is dead: the service sends one every 15 seconds. */
const silenceMs = 45_000;
/** How often a lost connection is looked for without an event in between. */
const reconnections = 5;
const cancelTimeoutMs = 5_000;

/**
 * An execution that runs. Its events can be iterated over once; `result` waits for the end. It goes on when it is no longer looked
 * at; `cancel`, and the signal or the time limit it was started with, end it.
 */
export class RunningExecution implements AsyncIterable<ExecutionEvent> {
  readonly id: string;
  readonly sessionId: string;
  readonly language: string;
  readonly #transport: Transport;
  readonly #events: AsyncGenerator<ExecutionEvent, void>;
  readonly #result = deferred<Execution>();
  #isRead = false;

  constructor(transport: Transport, start: Extract<ExecutionEvent, { type: 'start' }>, follower: Follower) {
    this.#transport = transport;
    this.id = start.id;
    this.sessionId = start.session_id;
    this.language = start.language;
    this.#result.promise.catch(() => {});
    this.#events = this.#read(start, follower);
  }

  /** @throws Error when they are read already */
  [Symbol.asyncIterator](): AsyncGenerator<ExecutionEvent, void> {
    if (this.#isRead) throw new Error('The events of an execution can be read once');
    this.#isRead = true;
    return this.#events;
  }

  /**
   * The whole of it once it is over, however it ended.
   * @throws ApiError when the service could not go on with it, ConnectionError, DeadlineError, or the reason of the caller's signal
   */
  async result(): Promise<Execution> {
    if (!this.#isRead) for await (const _ of this);
    return this.#result.promise;
  }

  /** Ends it. Its events, and `result`, then tell of the end. */
  async cancel(options: CallOptions = {}): Promise<void> {
    await this.#transport.json('POST', pathOf('executions', this.id, 'cancel'), { ...options, repeatable: true });
  }

  async *#read(start: ExecutionEvent, follower: Follower): AsyncGenerator<ExecutionEvent, void> {
    const folded = new Folded();
    let end: ExecutionEnd | undefined;
    try {
      yield start;
      for await (const event of follower.events(this.id)) {
        folded.take(event);
        if (event.type === 'done') end = event.end;
        yield event;
      }
      this.#result.resolve(folded.hasGap ? await this.#whole() : folded.execution(end!));
    } catch (error) {
      this.#result.reject(error);
      // The caller has given up waiting: it does not want the code to go on.
      if (follower.isGivenUp) await this.cancel({ timeoutMs: cancelTimeoutMs }).catch(() => {});
      throw error;
    } finally {
      follower.close();
      this.#result.reject(new Error('The events were not read to their end'));
    }
  }

  #whole(): Promise<Execution> {
    return this.#transport.json('GET', pathOf('executions', this.id));
  }
}

/** Starts code and waits until the service has taken it on. */
export async function startExecution(
  transport: Transport,
  path: string,
  request: object,
  { tools = {}, signal, timeoutMs }: RunOptions,
): Promise<RunningExecution> {
  const follower = new Follower(transport, tools, { signal, timeoutMs });
  try {
    return new RunningExecution(transport, await follower.start(path, request), follower);
  } catch (error) {
    follower.close();
    throw error;
  }
}

/** The events of one execution over as many connections as it takes. */
class Follower {
  readonly #transport: Transport;
  readonly #desk: ToolDesk;
  readonly #whole: Deadline;
  /** Of the last event that arrived; the service goes on behind it. */
  #number: string | undefined;
  #stream: AsyncGenerator<ExecutionEvent, void> | undefined;
  readonly #deskFault = deferred<never>();

  constructor(transport: Transport, tools: CallableTools, { signal, timeoutMs }: CallOptions) {
    this.#transport = transport;
    this.#desk = new ToolDesk(tools, transport);
    this.#whole = new Deadline(timeoutMs, signal);
    this.#deskFault.promise.catch(() => {});
  }

  get isGivenUp(): boolean {
    return this.#whole.signal.aborted;
  }

  async start(path: string, request: object): Promise<Extract<ExecutionEvent, { type: 'start' }>> {
    this.#stream = this.#connection('POST', path, request);
    const first = await this.#stream.next();
    if (first.done || first.value.type !== 'start') throw new ConnectionError('The service ended before it began');
    return first.value;
  }

  /** Up to `done`. */
  async *events(id: string): AsyncGenerator<ExecutionEvent, void> {
    let attempts = 0;
    for (;;) {
      try {
        for (;;) {
          const next = await Promise.race([this.#stream!.next(), this.#deskFault.promise]);
          if (next.done) break;
          const event = next.value;
          if (event.type === 'start') continue;
          attempts = 0;
          if (event.type === 'tool_call') this.#desk.answer(id, event.call).catch(this.#deskFault.reject);
          yield event;
          if (event.type === 'done') return;
        }
      } catch (error) {
        if (this.isGivenUp || !(error instanceof ConnectionError || error instanceof DeadlineError)) throw error;
        if (attempts >= reconnections) throw error;
      }
      if (attempts >= reconnections) throw new ConnectionError('The connection to the execution was lost');
      // The first time at once: a proxy may just have closed a long connection.
      await pause(attempts === 0 ? 0 : 250 * 2 ** attempts, this.#whole.signal);
      attempts++;
      this.#stream = this.#connection('GET', pathOf('executions', id));
    }
  }

  close(): void {
    this.#whole.stop();
    this.#desk.close();
    // A generator that waits for its next piece ends with its signal.
    this.#closeConnection?.();
  }

  #closeConnection: (() => void) | undefined;

  async *#connection(method: 'GET' | 'POST', path: string, request?: object): AsyncGenerator<ExecutionEvent, void> {
    const { response, deadline } = await this.#transport.open(method, path, {
      signal: this.#whole.signal,
      // A new execution may wait for its turn and its place before it is answered.
      timeoutMs: silenceMs,
      headers: {
        accept: 'text/event-stream',
        ...(this.#number === undefined ? {} : { 'last-event-id': this.#number }),
      },
      ...(request === undefined ? {} : { json: request }),
    });
    this.#closeConnection = () => deadline.abort();
    try {
      if (response.status === 204 || !response.body) return;
      deadline.restart(silenceMs);
      for await (const event of readEvents(response.body, () => deadline.restart(silenceMs))) {
        const read = executionEventOf(event);
        if (event.id !== undefined) this.#number = event.id;
        if (read) yield read;
      }
    } catch (error) {
      if (this.isGivenUp) throw this.#whole.signal.reason;
      if ((error as ApiError).code !== undefined || error instanceof DeadlineError) throw error;
      throw new ConnectionError(`The connection was lost: ${(error as Error).message}`, { cause: error });
    } finally {
      deadline.abort();
    }
  }
}
