import type { TurnEvent } from '../upstreams/index.ts';
import type { AgentEvent, SessionTool } from './agent.ts';
import { CodeReader } from './code-reader.ts';

/** A call a model made in a turn. */
export interface Call {
  /** The model's own id for it, as its answer has it. */
  readonly modelId: string;
  /** Unique in the whole request. */
  readonly callId: string;
  readonly name: string;
  /** `code` runs here, `function` is run by the client, `unknown` is refused. */
  readonly kind: 'code' | 'function' | 'unknown';
  /** Of code: the session tool that was called; undefined: the interpreter. */
  readonly tool: SessionTool | undefined;
  /** For code, when it is known: undefined if the arguments held none. */
  code: string | undefined;
  /** The arguments of a session tool, when they are known. */
  input?: Readonly<Record<string, unknown>> | undefined;
}

interface Block {
  readonly call: Call | undefined;
  readonly type: 'text' | 'reasoning' | 'call';
  readonly reader: CodeReader | undefined;
  readonly pending: AgentEvent[];
  arguments: string;
  started: boolean;
  complete: boolean;
}

export interface BlocksOptions {
  kind(name: string): Call['kind'];
  /** The session tool of this name. */
  tool(name: string): SessionTool | undefined;
  /** An id for a call that no other call of the request has. */
  uniqueId(id: string): string;
}

/**
 * Turns what a model says in one turn into events whose blocks never interleave. Events of the first unfinished block are sent at
 * once; events of later blocks wait. Code runs after the turn, because a turn that fails is retried and code must not run twice.
 */
export class Blocks {
  readonly #options: BlocksOptions;
  /** Those not finished, in order. */
  readonly #queue: Block[] = [];
  readonly #calls = new Map<string, Block>();
  #last: Block | undefined;

  constructor(options: BlocksOptions) {
    this.#options = options;
  }

  /** The calls of the turn, in order. */
  get calls(): Call[] {
    return [...this.#calls.values()].map(({ call }) => call!);
  }

  /** Takes one event of the turn. @returns what can be told now */
  *take(event: Exclude<TurnEvent, { type: 'end' }>): Iterable<AgentEvent> {
    if (event.type === 'text' || event.type === 'reasoning') {
      const block = this.#last?.type === event.type ? this.#last : this.#open(event.type, undefined);
      block.pending.push({ type: event.type, delta: event.delta });
    } else if (event.type === 'call_start') this.#start(event.id, event.name);
    else {
      const block = this.#calls.get(event.id);
      if (!block || block.complete) return;
      if (event.type === 'call_delta') this.#write(block, event.delta);
      else this.#finish(block);
    }
    yield* this.#drain();
  }

  /**
   * After the turn: what is left, block by block; code comes with its call, to be run before the next block is asked for.
   */
  *rest(): Iterable<{ events: readonly AgentEvent[]; code: Call | undefined }> {
    for (let block = this.#queue.shift(); block; block = this.#queue.shift()) {
      const runs = block.call?.kind === 'code' && block.call.code !== undefined;
      yield { events: block.pending.splice(0), code: runs ? block.call : undefined };
    }
  }

  #open(type: Block['type'], call: Call | undefined): Block {
    const reader = call?.kind === 'code' && isRead(call) ? new CodeReader(call.tool?.streamed) : undefined;
    const block: Block = { call, type, reader, pending: [], arguments: '', started: false, complete: false };
    this.#queue.push(block);
    this.#last = block;
    return block;
  }

  #start(modelId: string, name: string): void {
    const callId = this.#options.uniqueId(modelId);
    const kind = this.#options.kind(name);
    const tool = kind === 'code' ? this.#options.tool(name) : undefined;
    const call: Call = { modelId, callId, name, kind, tool, code: undefined };
    const block = this.#open('call', call);
    this.#calls.set(modelId, block);
    if (call.kind === 'function') block.pending.push({ type: 'function_start', callId, name });
  }

  #write(block: Block, delta: string): void {
    const { kind, callId } = block.call!;
    block.arguments += delta;
    if (kind === 'function') block.pending.push({ type: 'function_delta', callId, delta });
    if (block.reader) this.#code(block, block.reader.push(delta));
  }

  #finish(block: Block): void {
    const call = block.call!;
    block.complete = true;
    if (call.kind === 'function') {
      // For a function without parameters some models write nothing, which is no JSON.
      if (block.arguments.trim() === '') {
        block.arguments = '{}';
        block.pending.push({ type: 'function_delta', callId: call.callId, delta: '{}' });
      }
      const { callId, name } = call;
      block.pending.push({ type: 'function_call', callId, name, arguments: block.arguments });
    }
    if (call.kind !== 'code') return;
    if (!block.reader) {
      this.#order(block);
      return;
    }
    const rest = block.reader.end();
    if (rest !== undefined) this.#code(block, rest);
    if (call.code === undefined) return;
    call.code = block.reader.code;
    const { streamed } = call.tool ?? {};
    if (streamed !== undefined) call.input = { [streamed]: call.code };
  }

  /** The order of a session tool whose arguments are told as a whole. */
  #order(block: Block): void {
    const call = block.call!;
    const input = objectOf(block.arguments);
    const code = input && call.tool!.order(input)?.code;
    if (code === undefined) return;
    call.input = input;
    call.code = code;
    block.started = true;
    block.pending.push(startOf(call));
  }

  /** Announces code with its first character: arguments that hold none are told to the model alone. */
  #code(block: Block, delta: string): void {
    if (delta === '') return;
    const call = block.call!;
    const { callId } = call;
    if (!block.started) block.pending.push(startOf(call));
    block.started = true;
    call.code = (call.code ?? '') + delta;
    block.pending.push({ type: 'code_delta', callId, delta });
  }

  *#drain(): Iterable<AgentEvent> {
    for (let head = this.#queue[0]; head; head = this.#queue[0]) {
      yield* head.pending.splice(0);
      const follows = this.#queue.length > 1;
      // Some providers say only at the end of the turn that a call is complete. A next block and whole JSON say so earlier.
      if (follows && head.call?.kind === 'function' && !head.complete && isJson(head.arguments)) {
        this.#finish(head);
        continue;
      }
      if (!finished(head, follows)) return;
      this.#queue.shift();
    }
  }
}

/** Its code is told while it is written. */
const isRead = ({ tool }: Call): boolean => tool === undefined || tool.streamed !== undefined;

const startOf = ({ callId, tool }: Call): AgentEvent => ({
  type: 'code_start',
  callId,
  ...(tool ? { tool: tool.name } : {}),
});

/** An object in JSON; undefined for anything else. */
function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function finished({ call, complete }: Block, follows: boolean): boolean {
  if (!call) return follows;
  return complete && !(call.kind === 'code' && call.code !== undefined);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
