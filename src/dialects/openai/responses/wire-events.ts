import type { Item, OutputItem, ResponseEvent, ResponseState } from '../../../assistant/index.ts';
import { wireItemId } from '../ids.ts';
import type { NumberedWireEvent, WireEvent } from './events.ts';
import { wireResponse } from './response.ts';
import { annotationsOf, wireOutputItem } from './translate.ts';

/**
 * The events of a response in the words of the Responses stream. One reader's translation begins at the first event, because the
 * numbers of the stream count what comes out of it.
 */
export class WireEvents {
  readonly #withOutputs: boolean;
  #number = 0;
  #open: { readonly type: Item['type']; readonly output_index: number; readonly item_id: string } | undefined;
  /** The open code is complete. */
  #isReady = false;

  constructor(withOutputs: boolean) {
    this.#withOutputs = withOutputs;
  }

  *of(event: ResponseEvent): Generator<NumberedWireEvent> {
    for (const wire of this.#translated(event)) yield { ...wire, sequence_number: this.#number++ };
  }

  *#translated(event: ResponseEvent): Generator<WireEvent> {
    switch (event.type) {
      case 'created':
      case 'queued':
      case 'in_progress':
        yield { type: `response.${event.type}`, response: wireResponse(event.response, this.#withOutputs) };
        break;
      case 'item_added':
        yield* this.#added(event.index, event.item);
        break;
      case 'delta':
        yield this.#delta(event.delta);
        break;
      case 'code_ready':
        this.#isReady = true;
        yield { type: 'response.code_interpreter_call_code.done', ...this.#place, code: event.code };
        yield { type: 'response.code_interpreter_call.interpreting', ...this.#place };
        break;
      case 'item_done':
        yield* this.#closing(event.item);
        yield {
          type: 'response.output_item.done',
          output_index: event.index,
          item: wireOutputItem(event.item, this.#withOutputs),
        };
        break;
      case 'ended':
        yield* this.#ended(event.response);
    }
  }

  get #place() {
    const { output_index, item_id } = this.#open!;
    return { output_index, item_id };
  }

  *#added(index: number, item: OutputItem): Generator<WireEvent> {
    this.#open = { type: item.type, output_index: index, item_id: wireItemId(item) };
    this.#isReady = false;
    // The outputs of code are an empty list until there are any.
    yield { type: 'response.output_item.added', output_index: index, item: wireOutputItem(item, this.#withOutputs) };
    if (item.type === 'message')
      yield { type: 'response.content_part.added', ...this.#place, content_index: 0, part: textPart('', []) };
    if (item.type === 'reasoning')
      yield { type: 'response.reasoning_summary_part.added', ...this.#place, summary_index: 0, part: summaryPart('') };
    if (item.type === 'code') yield { type: 'response.code_interpreter_call.in_progress', ...this.#place };
  }

  #delta(delta: string): WireEvent {
    const place = this.#place;
    switch (this.#open!.type) {
      case 'message':
        return { type: 'response.output_text.delta', ...place, content_index: 0, delta, logprobs: [] };
      case 'reasoning':
        return { type: 'response.reasoning_summary_text.delta', ...place, summary_index: 0, delta };
      case 'code':
        return { type: 'response.code_interpreter_call_code.delta', ...place, delta };
      default:
        return { type: 'response.function_call_arguments.delta', ...place, delta };
    }
  }

  /** What comes before the end of an item. */
  *#closing(item: OutputItem): Generator<WireEvent> {
    const place = this.#place;
    switch (item.type) {
      case 'message': {
        const [part] = item.parts;
        const text = part && 'text' in part ? part.text : '';
        const annotations = part ? annotationsOf(part) : [];
        const content = { ...place, content_index: 0 };
        for (const [annotation_index, annotation] of annotations.entries())
          yield { type: 'response.output_text.annotation.added', ...content, annotation_index, annotation };
        yield { type: 'response.output_text.done', ...content, text, logprobs: [] };
        yield { type: 'response.content_part.done', ...content, part: textPart(text, annotations) };
        break;
      }
      case 'reasoning': {
        const text = item.summary.join('');
        const summary = { ...place, summary_index: 0 };
        yield { type: 'response.reasoning_summary_text.done', ...summary, text };
        yield { type: 'response.reasoning_summary_part.done', ...summary, part: summaryPart(text) };
        break;
      }
      case 'code':
        if (item.status === 'completed') yield { type: 'response.code_interpreter_call.completed', ...place };
        else if (!this.#isReady) yield { type: 'response.code_interpreter_call_code.done', ...place, code: item.code };
        break;
      case 'function_call':
        if (item.status === 'completed')
          yield {
            type: 'response.function_call_arguments.done',
            ...place,
            name: item.name,
            arguments: item.arguments,
          };
    }
  }

  /** A cancelled stream has no event of its own that clients know. */
  *#ended(state: ResponseState): Generator<WireEvent> {
    const response = wireResponse(state, this.#withOutputs);
    if (response.error) {
      const { type, code, message, param } = response.error;
      yield { type: 'error', error: { type, code, message, param } };
      yield { type: 'response.failed', response };
    } else yield { type: response.status === 'completed' ? 'response.completed' : 'response.incomplete', response };
  }
}

function textPart(text: string, annotations: ReturnType<typeof annotationsOf>) {
  return { type: 'output_text' as const, text, annotations, logprobs: [] };
}

function summaryPart(text: string) {
  return { type: 'summary_text' as const, text };
}
