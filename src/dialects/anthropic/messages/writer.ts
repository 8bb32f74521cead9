import type { AgentEvent } from '../../../agent/index.ts';
import { DragomanError, weightOf } from '../../../core/index.ts';
import type { Execution } from '../../../service/index.ts';
import { newWireId } from '../ids.ts';
import { JsonObjectStream } from './json-object-stream.ts';
import { errorBlock, refusalCode, resultBlock } from './results.ts';
import { type Caller, isToolName, type OutBlock, type ResultBlock, type ToolName } from './wire.ts';

/** An event of a stream, with its name in `type`. */
export interface WireEvent extends Readonly<Record<string, unknown>> {
  readonly type: string;
}

export interface WriterOptions {
  /** Of calls that code makes. */
  readonly callerType: string;
  readonly showsThoughts: boolean;
  /** Calls of the client's tools come after everything that runs here. */
  readonly holdsFunctions: boolean;
  /** Code of an earlier message that goes on: the agent's id of its call, and the client's. */
  readonly resumed: { readonly callId: string; readonly toolUseId: string } | undefined;
  /** Makes the files of an execution known to the client. @returns their ids */
  adopt(execution: Execution): Promise<readonly string[]>;
}

/** A call of ours, as the client knows it. */
interface OwnCall {
  readonly toolUseId: string;
  readonly tool: ToolName;
  /** An earlier message has its block. */
  readonly isEarlier: boolean;
}

/** The block that is being written. */
interface OpenBlock {
  readonly type: 'text' | 'thinking' | 'code' | 'function';
  /** Text, thought or JSON so far. */
  written: string;
  readonly json?: JsonObjectStream | undefined;
}

/** Most bytes of one message. */
const mostBytes = 40 * 1024 * 1024;

/** The argument with the code, by tool. */
const codeArguments: Partial<Record<ToolName, string>> = { code_execution: 'code', bash_code_execution: 'command' };

/** Writes down what an agent does as the blocks of one message, and as the events that tell of them. */
export class MessageWriter {
  /** The blocks that are complete. */
  readonly content: OutBlock[] = [];
  /** The client's ids of calls, by the agent's. */
  readonly wireIds = new Map<string, string>();
  /** The execution's ids of calls that wait, by the client's. */
  readonly waitingCalls: Record<string, string> = {};
  /** Code has begun to run, so the request must not be tried again. */
  hasRun = false;
  readonly #options: WriterOptions;
  readonly #calls = new Map<string, OwnCall>();
  readonly #held: AgentEvent[] = [];
  #block: OpenBlock | undefined;
  #bytes = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    const { resumed } = options;
    if (!resumed) return;
    this.#calls.set(resumed.callId, { ...resumed, tool: 'code_execution', isEarlier: true });
  }

  /** @throws DragomanError too_large when the message outgrows its bound */
  async *take(event: Exclude<AgentEvent, { type: 'end' }>): AsyncGenerator<WireEvent> {
    if (this.#options.holdsFunctions && event.type.startsWith('function_')) this.#held.push(event);
    else yield* this.#take(event);
  }

  /** Closes what is open. */
  async *end(): AsyncGenerator<WireEvent> {
    for (const event of this.#held.splice(0)) yield* this.#take(event);
    yield* this.#close();
  }

  async *#take(event: AgentEvent): AsyncGenerator<WireEvent> {
    switch (event.type) {
      case 'text':
        yield* this.#grow('text', event.delta);
        break;
      case 'reasoning':
        if (this.#options.showsThoughts) yield* this.#grow('thinking', event.delta);
        break;
      case 'code_start':
        yield* this.#codeStart(event.callId, event.tool);
        break;
      case 'code_delta':
        if (this.#block?.type === 'code') yield* this.#json(JSON.stringify(event.delta).slice(1, -1));
        break;
      case 'code_ready':
        this.hasRun = true;
        yield* this.#codeReady(event);
        break;
      case 'code_done': {
        const { tool, toolUseId } = this.#calls.get(event.callId)!;
        const files = await this.#options.adopt(event.execution);
        yield* this.#whole(resultBlock(tool, toolUseId, event.execution, files));
        break;
      }
      case 'code_refused':
        yield* this.#refused(event);
        break;
      case 'code_waiting':
        for (const { id, name, input } of event.calls) yield* this.#calledByCode(event.callId, id, name, input);
        break;
      case 'function_start':
        yield* this.#functionStart(event.callId, event.name);
        break;
      case 'function_delta':
        yield* this.#json(this.#block?.json?.push(event.delta) ?? '');
        break;
      case 'function_call':
        yield* this.#close();
    }
  }

  *#codeStart(callId: string, name: string | undefined): Iterable<WireEvent> {
    if (this.#calls.get(callId)?.isEarlier) return;
    const tool = name !== undefined && isToolName(name) ? name : 'code_execution';
    const toolUseId = newWireId('serverTool');
    this.#calls.set(callId, { toolUseId, tool, isEarlier: false });
    this.wireIds.set(callId, toolUseId);
    const argument = codeArguments[tool];
    yield* this.#open(
      { type: 'code', written: '' },
      { type: 'server_tool_use', id: toolUseId, name: tool, input: {}, caller: { type: 'direct' } },
    );
    if (argument !== undefined) yield* this.#json(`{"${argument}":"`);
  }

  *#codeReady({ callId, code, input }: Extract<AgentEvent, { type: 'code_ready' }>): Iterable<WireEvent> {
    const call = this.#calls.get(callId)!;
    if (call.isEarlier) return;
    const argument = codeArguments[call.tool];
    const whole = argument === undefined ? (input ?? {}) : { [argument]: code };
    yield* this.#json(argument === undefined ? JSON.stringify(whole) : '"}');
    yield* this.#close(whole);
  }

  *#refused({ callId, tool, error }: Extract<AgentEvent, { type: 'code_refused' }>): Iterable<WireEvent> {
    if (!this.#calls.has(callId)) {
      yield* this.#codeStart(callId, tool);
      yield* this.#close({});
    }
    const call = this.#calls.get(callId)!;
    yield* this.#close();
    yield* this.#whole(errorBlock(call.tool, call.toolUseId, refusalCode(error), error.message));
  }

  *#calledByCode(
    callId: string,
    id: string,
    name: string,
    input: Readonly<Record<string, unknown>>,
  ): Iterable<WireEvent> {
    const toolUseId = newWireId('tool');
    this.waitingCalls[toolUseId] = id;
    const caller: Caller = { type: this.#options.callerType, tool_id: this.#calls.get(callId)!.toolUseId };
    yield* this.#open({ type: 'function', written: '' }, { type: 'tool_use', id: toolUseId, name, input: {}, caller });
    yield* this.#json(JSON.stringify(input));
    yield* this.#close(input);
  }

  *#functionStart(callId: string, name: string): Iterable<WireEvent> {
    const id = newWireId('tool');
    this.wireIds.set(callId, id);
    const block: OutBlock = { type: 'tool_use', id, name, input: {}, caller: { type: 'direct' } };
    yield* this.#open({ type: 'function', written: '', json: new JsonObjectStream() }, block);
  }

  *#grow(type: 'text' | 'thinking', delta: string): Iterable<WireEvent> {
    if (this.#block?.type !== type)
      yield* this.#open(
        { type, written: '' },
        type === 'text' ? { type, text: '' } : { type, thinking: '', signature: '' },
      );
    yield this.#delta(
      type === 'text' ? { type: 'text_delta', text: delta } : { type: 'thinking_delta', thinking: delta },
    );
    this.#block!.written += delta;
    this.#count(delta.length);
  }

  *#json(piece: string): Iterable<WireEvent> {
    if (!this.#block || piece === '') return;
    this.#block.written += piece;
    this.#count(piece.length);
    yield this.#delta({ type: 'input_json_delta', partial_json: piece });
  }

  *#open(block: OpenBlock, first: OutBlock): Iterable<WireEvent> {
    yield* this.#close();
    this.#block = block;
    this.content.push(first);
    this.#count(100);
    yield { type: 'content_block_start', index: this.#index, content_block: first };
    if (block.type === 'code' || block.type === 'function')
      yield this.#delta({ type: 'input_json_delta', partial_json: '' });
  }

  /** @param input of a call, where it is known */
  *#close(input?: Readonly<Record<string, unknown>>): Iterable<WireEvent> {
    const block = this.#block;
    if (!block) return;
    if (block.json) yield* this.#json(block.json.end());
    // Code that was cut off.
    else if (block.type === 'code' && !input && block.written !== '') yield* this.#json('"}');
    const last = this.content.at(-1)!;
    if (last.type === 'text') this.content[this.#index] = { ...last, text: block.written };
    else if (last.type === 'thinking') this.content[this.#index] = { ...last, thinking: block.written };
    else if ('input' in last)
      this.content[this.#index] = { ...last, input: input ?? (block.written === '' ? {} : JSON.parse(block.written)) };
    this.#block = undefined;
    yield { type: 'content_block_stop', index: this.#index };
  }

  *#whole(block: ResultBlock): Iterable<WireEvent> {
    yield* this.#close();
    this.content.push(block);
    this.#count(weightOf(block));
    yield { type: 'content_block_start', index: this.#index, content_block: block };
    yield { type: 'content_block_stop', index: this.#index };
  }

  get #index(): number {
    return this.content.length - 1;
  }

  #delta(delta: object): WireEvent {
    return { type: 'content_block_delta', index: this.#index, delta };
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > mostBytes) throw new DragomanError('too_large', { message: 'The message has grown too large.' });
  }
}
