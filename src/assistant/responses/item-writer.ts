import type {
  Citation,
  CodeItem,
  CodeOutput,
  FunctionCallItem,
  MessageItem,
  OutputItem,
  ReasoningItem,
} from '../items.ts';
import type { ResponseEvent } from './response.ts';

/** Writes the items of a response one after another, and tells what it writes as events. */
export class ItemWriter {
  /** The items that are complete. */
  readonly items: OutputItem[] = [];
  readonly #newId: (index: number) => string;
  #open: OutputItem | undefined;
  /** What was written of the open item: text, summary, code or arguments. */
  #written = '';

  /** @param told events of an earlier writer: this one goes on behind them */
  constructor(newId: (index: number) => string, told: readonly ResponseEvent[] = []) {
    this.#newId = newId;
    for (const event of told) this.#replay(event);
  }

  /** The text of the open message, so that its citations can be found before it is closed. */
  get openText(): string | undefined {
    return this.#open?.type === 'message' ? this.#written : undefined;
  }

  /** Type of the open block, if it is one that ends when the next block begins. */
  get openBlock(): 'text' | 'reasoning' | undefined {
    if (this.#open?.type === 'message') return 'text';
    return this.#open?.type === 'reasoning' ? 'reasoning' : undefined;
  }

  *text(delta: string): Generator<ResponseEvent> {
    if (this.#open?.type !== 'message') {
      const item: MessageItem = { id: this.#id, type: 'message', role: 'assistant', status: 'in_progress', parts: [] };
      yield this.#add(item);
    }
    if (delta !== '') yield this.#delta(delta);
  }

  *reasoning(delta: string): Generator<ResponseEvent> {
    if (this.#open?.type !== 'reasoning') {
      const item: ReasoningItem = { id: this.#id, type: 'reasoning', summary: [] };
      yield this.#add(item);
    }
    yield this.#delta(delta);
  }

  /** Closes the open message or reasoning. */
  *closeBlock(
    citations: readonly Citation[],
    status: 'completed' | 'incomplete' = 'completed',
  ): Generator<ResponseEvent> {
    const open = this.#open;
    if (open?.type === 'message')
      yield this.#done({ ...open, status, parts: [{ type: 'text', text: this.#written, citations }] });
    else if (open?.type === 'reasoning') yield this.#done({ ...open, summary: [this.#written] });
  }

  /** @returns the item's id, by the events' end */
  *codeStart(sessionId: string): Generator<ResponseEvent, string> {
    const item: CodeItem = { id: this.#id, type: 'code', status: 'in_progress', code: '', sessionId, outputs: [] };
    yield this.#add(item);
    return item.id;
  }

  *codeReady(code: string): Generator<ResponseEvent> {
    if (this.#written === '' && code !== '') yield this.#delta(code);
    this.#written = code;
    yield { type: 'code_ready', code };
  }

  *codeDone(status: 'completed' | 'waiting' | 'incomplete', outputs: readonly CodeOutput[]): Generator<ResponseEvent> {
    yield this.#done({ ...(this.#open as CodeItem), status, code: this.#written, outputs });
  }

  /** @param fromCode id of the code item that calls it, when it is not the model */
  *functionStart(callId: string, name: string, fromCode?: string): Generator<ResponseEvent> {
    const item: FunctionCallItem = {
      id: this.#id,
      type: 'function_call',
      status: 'in_progress',
      callId,
      name,
      arguments: '',
      ...(fromCode === undefined ? {} : { fromCode }),
    };
    yield this.#add(item);
  }

  *functionCall(callId: string, name: string, args: string): Generator<ResponseEvent> {
    if (this.#open?.type !== 'function_call') yield* this.functionStart(callId, name);
    if (this.#written === '' && args !== '') yield this.#delta(args);
    yield this.#done({ ...(this.#open as FunctionCallItem), status: 'completed', arguments: args });
  }

  *delta(delta: string): Generator<ResponseEvent> {
    yield this.#delta(delta);
  }

  /** Closes the open item, because nothing follows. `outputs` are of code that ran. */
  *end(isWhole: boolean, citations: readonly Citation[], outputs: readonly CodeOutput[]): Generator<ResponseEvent> {
    yield* this.closeBlock(citations, isWhole ? 'completed' : 'incomplete');
    const open = this.#open;
    if (open?.type === 'code') yield this.#done({ ...open, status: 'incomplete', code: this.#written, outputs });
    if (open?.type === 'function_call') yield this.#done({ ...open, status: 'incomplete', arguments: this.#written });
  }

  #replay(event: ResponseEvent): void {
    if (event.type === 'item_added') this.#add(event.item);
    else if (event.type === 'delta') this.#delta(event.delta);
    else if (event.type === 'code_ready') this.#written = event.code;
    else if (event.type === 'item_done') this.#done(event.item);
  }

  get #id(): string {
    return this.#newId(this.items.length);
  }

  #add(item: OutputItem): ResponseEvent {
    this.#open = item;
    this.#written = '';
    return { type: 'item_added', index: this.items.length, item };
  }

  #delta(delta: string): ResponseEvent {
    this.#written += delta;
    return { type: 'delta', delta };
  }

  #done(item: OutputItem): ResponseEvent {
    this.#open = undefined;
    const index = this.items.length;
    this.items.push(item);
    return { type: 'item_done', index, item };
  }
}
