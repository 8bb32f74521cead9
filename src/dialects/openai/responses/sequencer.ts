import type { WireEvent } from './events.ts';
import type {
  Annotation,
  CodeItem,
  CodeOutput,
  FunctionCallItem,
  MessageItem,
  OutputItem,
  ReasoningItem,
} from './items.ts';

type ItemType = OutputItem['type'];

/** The item that is being written; only the last of an output can be. */
interface Open<T extends OutputItem> {
  readonly item: T;
  readonly index: number;
  text: string;
}

/**
 * Puts what happens into the order of the Responses stream: items one after another without holes, each complete before the
 * next. Folding its events gives `output`. It knows no model and no container: what it is told is already in the wire's words.
 */
export class Sequencer {
  /** What is complete. */
  readonly output: OutputItem[] = [];
  readonly #newId: (type: ItemType, index: number) => string;
  #message: Open<MessageItem> | undefined;
  #reasoning: Open<ReasoningItem> | undefined;
  #code: Open<CodeItem> | undefined;
  /** The code that is open is written to its end. */
  #codeWritten = false;
  #function: Open<FunctionCallItem> | undefined;

  constructor(newId: (type: ItemType, index: number) => string) {
    this.#newId = newId;
  }

  /** The text of the message that is being written, so that its citations can be found before it is closed. */
  get openText(): string | undefined {
    return this.#message?.text;
  }

  /** What is being written, if it is something that ends when something else begins. */
  get isOpen(): 'text' | 'reasoning' | undefined {
    if (this.#message) return 'text';
    return this.#reasoning ? 'reasoning' : undefined;
  }

  /** The item of the code that is being written or run. */
  get openCode(): string | undefined {
    return this.#code?.item.id;
  }

  *text(delta: string): Generator<WireEvent> {
    if (!this.#message) {
      const item: MessageItem = {
        id: this.#id('message'),
        type: 'message',
        status: 'in_progress',
        role: 'assistant',
        content: [],
      };
      this.#message = { item, index: this.output.length, text: '' };
      yield this.#added(item);
      yield { type: 'response.content_part.added', ...this.#part(this.#message), part: textPart('', []) };
    }
    if (delta === '') return;
    this.#message.text += delta;
    yield { type: 'response.output_text.delta', ...this.#part(this.#message), delta, logprobs: [] };
  }

  *reasoning(delta: string): Generator<WireEvent> {
    if (!this.#reasoning) {
      const item: ReasoningItem = { id: this.#id('reasoning'), type: 'reasoning', summary: [] };
      this.#reasoning = { item, index: this.output.length, text: '' };
      yield this.#added(item);
      yield {
        type: 'response.reasoning_summary_part.added',
        ...this.#summary(this.#reasoning),
        part: { type: 'summary_text', text: '' },
      };
    }
    this.#reasoning.text += delta;
    yield { type: 'response.reasoning_summary_text.delta', ...this.#summary(this.#reasoning), delta };
  }

  *codeStart(containerId: string): Generator<WireEvent> {
    const item: CodeItem = {
      id: this.#id('code_interpreter_call'),
      type: 'code_interpreter_call',
      status: 'in_progress',
      code: '',
      container_id: containerId,
      outputs: [],
    };
    this.#code = { item, index: this.output.length, text: '' };
    this.#codeWritten = false;
    yield this.#added(item);
    yield { type: 'response.code_interpreter_call.in_progress', ...this.#of(this.#code) };
  }

  *codeDelta(delta: string): Generator<WireEvent> {
    this.#code!.text += delta;
    yield { type: 'response.code_interpreter_call_code.delta', ...this.#of(this.#code!), delta };
  }

  /** The whole code, which runs next. */
  *codeReady(code: string): Generator<WireEvent> {
    if (this.#code!.text === '' && code !== '') yield* this.codeDelta(code);
    this.#code!.text = code;
    this.#codeWritten = true;
    yield { type: 'response.code_interpreter_call_code.done', ...this.#of(this.#code!), code };
    yield { type: 'response.code_interpreter_call.interpreting', ...this.#of(this.#code!) };
  }

  *codeDone(outputs: CodeOutput[]): Generator<WireEvent> {
    const open = this.#code!;
    this.#code = undefined;
    yield { type: 'response.code_interpreter_call.completed', ...this.#of(open) };
    yield this.#done({ ...open.item, status: 'completed', code: open.text, outputs });
  }

  /** The code waits for functions of the client's. */
  *codeWaiting(): Generator<WireEvent> {
    const open = this.#code!;
    this.#code = undefined;
    yield this.#done({ ...open.item, status: 'interpreting', code: open.text });
  }

  *functionStart(callId: string, name: string, caller?: string): Generator<WireEvent> {
    const item: FunctionCallItem = {
      id: this.#id('function_call'),
      type: 'function_call',
      status: 'in_progress',
      call_id: callId,
      name,
      arguments: '',
      ...(caller === undefined ? {} : { caller: { type: 'program', caller_id: caller } }),
    };
    this.#function = { item, index: this.output.length, text: '' };
    yield this.#added(item);
  }

  *functionDelta(delta: string): Generator<WireEvent> {
    this.#function!.text += delta;
    yield { type: 'response.function_call_arguments.delta', ...this.#of(this.#function!), delta };
  }

  *functionCall(callId: string, name: string, args: string): Generator<WireEvent> {
    if (!this.#function) yield* this.functionStart(callId, name);
    const open = this.#function!;
    if (open.text === '' && args !== '') yield* this.functionDelta(args);
    this.#function = undefined;
    yield { type: 'response.function_call_arguments.done', ...this.#of(open), name, arguments: args };
    yield this.#done({ ...open.item, status: 'completed', arguments: args });
  }

  /** Ends a message or reasoning that is open, because something else begins. */
  *close(annotations: readonly Annotation[]): Generator<WireEvent> {
    yield* this.#closeMessage('completed', annotations);
    yield* this.#closeReasoning();
  }

  /** Ends whatever is open, because nothing follows. What did not come to its end is incomplete; `outputs` are of code that ran. */
  *end(isWhole: boolean, annotations: readonly Annotation[], outputs: CodeOutput[] = []): Generator<WireEvent> {
    yield* this.#closeMessage(isWhole ? 'completed' : 'incomplete', annotations);
    yield* this.#closeReasoning();
    const code = this.#code;
    if (code) {
      this.#code = undefined;
      if (!this.#codeWritten)
        yield { type: 'response.code_interpreter_call_code.done', ...this.#of(code), code: code.text };
      yield this.#done({ ...code.item, status: 'incomplete', code: code.text, outputs });
    }
    const call = this.#function;
    if (call) {
      this.#function = undefined;
      yield this.#done({ ...call.item, status: 'incomplete', arguments: call.text });
    }
  }

  *#closeMessage(status: MessageItem['status'], annotations: readonly Annotation[]): Generator<WireEvent> {
    const open = this.#message;
    if (!open) return;
    this.#message = undefined;
    const part = this.#part(open);
    for (const [annotation_index, annotation] of annotations.entries())
      yield { type: 'response.output_text.annotation.added', ...part, annotation_index, annotation };
    const content = textPart(open.text, annotations);
    yield { type: 'response.output_text.done', ...part, text: open.text, logprobs: [] };
    yield { type: 'response.content_part.done', ...part, part: content };
    yield this.#done({ ...open.item, status, content: [textPart(open.text, annotations)] });
  }

  *#closeReasoning(): Generator<WireEvent> {
    const open = this.#reasoning;
    if (!open) return;
    this.#reasoning = undefined;
    const { text } = open;
    const of = this.#summary(open);
    yield { type: 'response.reasoning_summary_text.done', ...of, text };
    yield { type: 'response.reasoning_summary_part.done', ...of, part: { type: 'summary_text', text } };
    yield this.#done({ ...open.item, summary: [{ type: 'summary_text', text }] });
  }

  #id(type: ItemType): string {
    return this.#newId(type, this.output.length);
  }

  #added(item: OutputItem): WireEvent {
    return { type: 'response.output_item.added', output_index: this.output.length, item };
  }

  #done(item: OutputItem): WireEvent {
    const output_index = this.output.length;
    this.output.push(item);
    return { type: 'response.output_item.done', output_index, item };
  }

  #of({ item, index }: Open<OutputItem>) {
    return { output_index: index, item_id: item.id };
  }

  #part(open: Open<OutputItem>) {
    return { ...this.#of(open), content_index: 0 };
  }

  #summary(open: Open<OutputItem>) {
    return { ...this.#of(open), summary_index: 0 };
  }
}

function textPart(text: string, annotations: readonly Annotation[]) {
  return { type: 'output_text' as const, text, annotations: [...annotations], logprobs: [] };
}
