import { z } from 'zod';
import type { Frame } from '../../../http/index.ts';
import type { NumberedWireEvent } from '../responses/events.ts';
import { annotation, functionCallItem, type OutputItem, reasoningItem } from '../responses/items.ts';
import { type ResponseObject, responseObject, responseStatus, usage } from '../responses/response.ts';

const codeItem = z
  .object({
    id: z.string(),
    type: z.literal('code_interpreter_call'),
    status: z.string(),
    code: z.string().nullable(),
    container_id: z.string(),
    outputs: z.array(z.object({ type: z.literal('text'), text: z.string() })),
  })
  .meta({ id: 'AssistantCodeInterpreterCall' });

const message = z
  .object({
    id: z.string(),
    type: z.literal('message'),
    status: z.string(),
    role: z.literal('assistant'),
    content: z.array(z.object({ type: z.literal('output_text'), text: z.string(), annotations: z.array(annotation) })),
  })
  .meta({ id: 'AssistantMessage' });

/** A response in the assistants' style: what code printed is text, and what it showed is cited as files. */
export const modelResponse = z
  .object({
    id: z.string(),
    object: z.literal('response'),
    created_at: z.int(),
    status: responseStatus,
    model: z.string(),
    organization_id: z.string().nullable(),
    assistant_id: z.string().nullable(),
    output: z.array(z.union([codeItem, message, reasoningItem, functionCallItem])),
    error: responseObject.shape.error,
    incomplete_details: responseObject.shape.incomplete_details,
    usage: usage.nullable(),
  })
  .meta({ id: 'ModelResponse' });

export type ModelResponse = z.infer<typeof modelResponse>;

/** Fields that are repeated in the answer. */
export interface Echo {
  readonly organization_id: string | null;
  readonly assistant_id: string | null;
}

export function modelResponseOf(response: ResponseObject, echo: Echo): ModelResponse {
  const { id, object, created_at, status, model, output, error, incomplete_details, usage: used } = response;
  return {
    id,
    object,
    created_at,
    status,
    model,
    ...echo,
    output: output.map(itemOf),
    error,
    incomplete_details,
    usage: used,
  };
}

function itemOf(item: OutputItem): ModelResponse['output'][number] {
  if (item.type === 'message') {
    const content = item.content.map(({ type, text, annotations }) => ({ type, text, annotations }));
    return { ...item, content };
  }
  if (item.type !== 'code_interpreter_call') return item;
  const outputs = (item.outputs ?? []).flatMap((output) =>
    output.type === 'logs' ? [{ type: 'text' as const, text: output.logs }] : [],
  );
  return { ...item, outputs };
}

/** An event of the stream. `index` is what this style calls `output_index`. */
export function frameOf(event: NumberedWireEvent, echo: Echo): Frame {
  const place = 'output_index' in event ? { index: event.output_index } : {};
  const data =
    'response' in event
      ? { ...event, response: modelResponseOf(event.response, echo) }
      : 'item' in event
        ? { ...event, ...place, item: itemOf(event.item) }
        : { ...event, ...place };
  return { event: event.type, data };
}
