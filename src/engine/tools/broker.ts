import { createHash } from 'node:crypto';
import { type CallableTool, DragomanError, type ToolCall, type ToolResult } from '../../core/index.ts';
import { type Claim, type Order, orders } from '../../guest-protocol/index.ts';
import type { ToolBroker } from '../port.ts';
import { readInput } from './input.ts';
import type { SchemaChecker } from './schema-checker.ts';

/** The execution that makes the calls. */
export interface ToolPort {
  send(order: Order): Promise<void>;
  /** Stops the sandbox and its clock. */
  park(): Promise<void>;
  unpark(): void;
  /** The caller has not answered for too long: ends the execution. */
  abandon(): void;
  /** The program cannot continue: these calls wait for the caller. */
  told(calls: readonly ToolCall[]): void;
}

export interface CallBrokerOptions {
  readonly tools: readonly CallableTool[];
  readonly checker: SchemaChecker;
  /** Whose execution it is: owners share the checker in turn. */
  readonly owner: string;
  /** How long a program may wait for its caller. */
  readonly waitMs: number;
}

interface Entry {
  readonly number: number;
  readonly call: Omit<ToolCall, 'input'> & { input: ToolCall['input'] };
  /**
   * `checking`, then `open` until the caller is told of it, `told` until it is `answered`. `settled`: the program has its
   * answer from us, or does not wait for one any more, and the caller never hears of it.
   */
  state: 'checking' | 'open' | 'told' | 'answered' | 'settled';
  /** Of what it was answered with. */
  digest: string | undefined;
}

const maxCalls = 200;
const maxResultBytes = 5_000_000;
const maxResultsBytes = 40_000_000;
const maxErrorLength = 20_000;

/**
 * The tool calls of one execution, between untrusted code and a caller who answers in his own time. Code can ask only for the
 * tools it was given, with input that their schemas allow; anything else is answered with an error. While the program only waits
 * for the caller, the sandbox is frozen.
 */
export class CallBroker implements ToolBroker {
  readonly tools: readonly CallableTool[];
  readonly #options: CallBrokerOptions;
  readonly #byName: ReadonlyMap<string, CallableTool>;
  readonly #byNumber = new Map<number, Entry>();
  readonly #byId = new Map<string, Entry>();
  readonly #tooSlow = new Set<string>();
  #port: ToolPort | undefined;
  /** Claims of the guest are handled in order. */
  #turn: Promise<void> = Promise.resolve();
  /** Counts answers sent to the guest: a `waiting` claim made before the last answer is stale. */
  #answers = 0;
  #resultBytes = 0;
  #isParked = false;
  #isClosed = false;
  #patience: NodeJS.Timeout | undefined;

  constructor(options: CallBrokerOptions) {
    this.#options = options;
    this.tools = options.tools;
    this.#byName = new Map(options.tools.map((tool) => [tool.name, tool]));
  }

  /** Calls the caller has been told of and has not answered. */
  get pending(): readonly ToolCall[] {
    return this.#isClosed ? [] : this.#in('told');
  }

  /** The program is stopped until a call is answered. */
  get isParked(): boolean {
    return this.#isParked;
  }

  /** The program has called something. */
  get isUsed(): boolean {
    return this.#byNumber.size > 0;
  }

  /**
   * Checks whether these results are allowed, and gives none; false when they would change nothing.
   * @throws DragomanError as `answer`
   */
  check(results: readonly ToolResult[]): boolean {
    return this.#read(results).some(({ entry }) => entry.state === 'told');
  }

  /**
   * Answers some or all pending calls. Answering again with the same is fine; the program does not hear of it twice.
   * @throws DragomanError invalid_request for calls that were never made and for results that are too large; conflict for
   *   another answer than the first, or when the program has ended
   */
  answer(results: readonly ToolResult[]): void {
    const answers = this.#read(results).filter(({ entry }) => entry.state === 'told');
    if (answers.length === 0) return;
    for (const { entry, digest, isError, body } of answers) {
      entry.state = 'answered';
      entry.digest = digest;
      this.#resultBytes += body.length;
      this.#reply(entry.number, isError, body);
    }
    this.wake();
  }

  /** Lets a waiting program continue, answered or not. */
  wake(): void {
    clearTimeout(this.#patience);
    if (!this.#isParked) return;
    this.#isParked = false;
    this.#port!.unpark();
  }

  /** For the engine: the execution begins. */
  connect(port: ToolPort): void {
    this.#port = port;
    this.#isClosed = false;
  }

  /** For the engine: what the sandbox says. */
  hear(claim: Claim): void {
    if (this.#isClosed) return;
    if (claim.claim === 'call') this.#call(claim.id, claim.name, claim.input);
    if (claim.claim === 'waiting') {
      const { pending } = claim;
      this.#next(() => this.#waiting(pending));
    }
  }

  /** For the engine: the execution has ended. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#patience);
  }

  #call(number: number, name: string, text: string): void {
    const tool = this.#byName.get(name);
    if (this.#byNumber.has(number)) return;
    if (!tool || this.#byNumber.size >= maxCalls) {
      this.#refuse(number, tool ? `too many tool calls: one execution may make ${maxCalls}` : 'there is no such tool');
      return;
    }
    const id = `call_${String(number).padStart(3, '0')}`;
    const entry: Entry = { number, call: { id, name, input: {} }, state: 'checking', digest: undefined };
    this.#byNumber.set(number, entry);
    this.#byId.set(id, entry);
    this.#next(async () => {
      const read = await readInput(text, tool, this.#options, this.#tooSlow);
      if (this.#isClosed || entry.state !== 'checking') return;
      if (typeof read === 'string') {
        entry.state = 'settled';
        this.#refuse(number, read);
        return;
      }
      entry.call.input = read;
      entry.state = 'open';
    });
  }

  #next(step: () => Promise<void>): void {
    // A sandbox that cannot be stopped must not wait for its caller.
    this.#turn = this.#turn.then(step).catch(() => this.#port!.abandon());
  }

  /** The program claims that it cannot continue before one of these is answered. */
  async #waiting(pending: readonly number[]): Promise<void> {
    const answers = this.#answers;
    const stale = () => this.#isClosed || answers !== this.#answers;
    const waits = new Set(pending);
    // One of them is answered already: the program continues, and will claim again when it waits.
    for (const number of waits) {
      const state = this.#byNumber.get(number)?.state;
      if (state !== 'open' && state !== 'told') return;
    }
    for (const entry of this.#byNumber.values())
      if ((entry.state === 'open' || entry.state === 'told') && !waits.has(entry.number)) this.#giveUp(entry);
    if (waits.size === 0 || this.#isParked) return;
    await this.#port!.park();
    this.#isParked = true;
    if (stale()) return this.wake();
    for (const entry of this.#byNumber.values()) if (entry.state === 'open') entry.state = 'told';
    this.#patience = setTimeout(() => this.#port!.abandon(), this.#options.waitMs);
    this.#port!.told(this.#in('told'));
  }

  /** The program no longer waits for this call. An answer of the caller is still accepted, and changes nothing. */
  #giveUp(entry: Entry): void {
    if (entry.state === 'open') entry.state = 'settled';
    else entry.state = 'answered';
  }

  #refuse(number: number, why: string): void {
    this.#reply(number, true, Buffer.from(why));
  }

  #reply(id: number, error: boolean, body: Uint8Array): void {
    this.#answers++;
    void this.#port!.send(orders.answer(id, { error, body }));
  }

  #in(state: Entry['state']): ToolCall[] {
    return [...this.#byNumber.values()].filter((entry) => entry.state === state).map(({ call }) => call);
  }

  #read(results: readonly ToolResult[]) {
    if (this.#isClosed) throw new DragomanError('conflict', { message: 'the execution has ended' });
    const seen = new Set<string>();
    let bytes = this.#resultBytes;
    return results.map((result) => {
      const entry = this.#byId.get(result.id);
      // The caller has not been told the ids of calls that wait with others for one round.
      if (!entry || entry.state === 'checking' || entry.state === 'open' || entry.state === 'settled')
        return refuse(`no tool call "${result.id.slice(0, 64)}" was made`);
      if (seen.has(result.id)) return refuse(`the tool call "${result.id}" is answered twice`);
      seen.add(result.id);
      const isError = 'error' in result;
      const body = Buffer.from(isError ? result.error.slice(0, maxErrorLength) : jsonText(result.value));
      if (body.length > maxResultBytes) return refuse(`a tool's result is larger than ${maxResultBytes} bytes`);
      const digest = createHash('sha256')
        .update(isError ? 'error ' : 'ok ')
        .update(body)
        .digest('base64');
      if (entry.digest !== undefined && entry.digest !== digest)
        throw new DragomanError('conflict', { message: `the tool call "${result.id}" was answered otherwise before` });
      if (entry.state === 'told') bytes += body.length;
      if (bytes > maxResultsBytes)
        return refuse(`the tools' results are larger than ${maxResultsBytes} bytes together`);
      return { entry, digest, isError, body };
    });
  }
}

/** The broker behind what `Engine.tools` returned. */
export function callBroker(tools: ToolBroker | undefined): CallBroker | undefined {
  if (tools === undefined || tools instanceof CallBroker) return tools;
  throw new Error('the tools are not from this engine');
}

function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value ?? null);
  } catch {
    // It came as JSON, so this can only be its depth.
    return refuse('a result is nested too deeply');
  }
}

function refuse(message: string): never {
  throw new DragomanError('invalid_request', { message });
}
