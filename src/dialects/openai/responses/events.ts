import type { Annotation, OutputItem } from './items.ts';
import type { ResponseObject } from './response.ts';

/** The state of the whole response: the first events of a stream, and the last. */
interface ResponseEvent {
  readonly type:
    | 'response.created'
    | 'response.queued'
    | 'response.in_progress'
    | 'response.completed'
    | 'response.incomplete'
    | 'response.failed';
  readonly response: ResponseObject;
}

interface ItemEvent {
  readonly type: 'response.output_item.added' | 'response.output_item.done';
  readonly output_index: number;
  readonly item: OutputItem;
}

interface OfItem {
  readonly output_index: number;
  readonly item_id: string;
}

interface OfPart extends OfItem {
  readonly content_index: number;
}

interface OfSummary extends OfItem {
  readonly summary_index: number;
}

interface TextPart {
  readonly type: 'output_text';
  readonly text: string;
  readonly annotations: readonly Annotation[];
  readonly logprobs: readonly never[];
}

interface SummaryPart {
  readonly type: 'summary_text';
  readonly text: string;
}

/**
 * The events of a stream that OpenAI's SDKs know. openai-node throws at an unknown event. The error is nested, as in recorded
 * traffic.
 */
export type WireEvent =
  | ResponseEvent
  | ItemEvent
  | ({
      readonly type:
        | 'response.code_interpreter_call.in_progress'
        | 'response.code_interpreter_call.interpreting'
        | 'response.code_interpreter_call.completed';
    } & OfItem)
  | ({ readonly type: 'response.code_interpreter_call_code.delta'; readonly delta: string } & OfItem)
  | ({ readonly type: 'response.code_interpreter_call_code.done'; readonly code: string } & OfItem)
  | ({ readonly type: 'response.content_part.added' | 'response.content_part.done'; readonly part: TextPart } & OfPart)
  | ({
      readonly type: 'response.output_text.delta';
      readonly delta: string;
      readonly logprobs: readonly never[];
    } & OfPart)
  | ({
      readonly type: 'response.output_text.annotation.added';
      readonly annotation_index: number;
      readonly annotation: Annotation;
    } & OfPart)
  | ({
      readonly type: 'response.output_text.done';
      readonly text: string;
      readonly logprobs: readonly never[];
    } & OfPart)
  | ({
      readonly type: 'response.reasoning_summary_part.added' | 'response.reasoning_summary_part.done';
      readonly part: SummaryPart;
    } & OfSummary)
  | ({ readonly type: 'response.reasoning_summary_text.delta'; readonly delta: string } & OfSummary)
  | ({ readonly type: 'response.reasoning_summary_text.done'; readonly text: string } & OfSummary)
  | ({ readonly type: 'response.function_call_arguments.delta'; readonly delta: string } & OfItem)
  | ({
      readonly type: 'response.function_call_arguments.done';
      readonly name: string;
      readonly arguments: string;
    } & OfItem)
  | {
      readonly type: 'error';
      readonly error: {
        readonly type: string;
        readonly code: string;
        readonly message: string;
        readonly param: string | null;
      };
    };

/** An event and its place in the stream, from 0. */
export type NumberedWireEvent = WireEvent & { readonly sequence_number: number };
