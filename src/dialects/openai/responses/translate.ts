import type { CodeOutput, Item, ItemStatus, NewItem, Part, RequestItem } from '../../../assistant/index.ts';
import { invalid } from '../errors.ts';
import { ownItemId, toOwn, toWire, wireId, wireItemId } from '../ids.ts';
import type { Annotation, HistoryItem, InputItem, InputPart, OutputItem } from './items.ts';

/** Translates items between this API and the assistant room. */

/** @param param the list's name, for refusals. @throws WireError 400 for a part that cannot be used */
export function toItems(items: readonly InputItem[], param: string): RequestItem[] {
  return items.map((item, index) => ({ item: toItem(item), where: `${param}[${index}]` }));
}

function toItem(item: InputItem): NewItem {
  switch (item.type) {
    case 'item_reference':
      return { type: 'reference', id: ownItemId(item.id), name: item.id };
    case 'function_call': {
      const { id, call_id: callId, name, arguments: args, status, caller } = item;
      const fromCode = caller?.type === 'program' ? { fromCode: '' } : {};
      return {
        type: 'function_call',
        ...ownId(id),
        callId,
        name,
        arguments: args,
        status: statusOf(status),
        ...fromCode,
      };
    }
    case 'function_call_output': {
      const { call_id: callId, output } = item;
      return { type: 'function_result', callId, output: typeof output === 'string' ? output : output.map(toPart) };
    }
    case 'reasoning':
      return { type: 'reasoning', summary: (item.summary ?? []).map(({ text }) => text) };
    case 'code_interpreter_call': {
      const { id, code, container_id: container, status, outputs } = item;
      return {
        type: 'code',
        ...ownId(id),
        status: status === 'interpreting' ? 'waiting' : statusOf(status),
        code: code ?? '',
        sessionId: container ? toOwn('container', container) : undefined,
        outputs: (outputs ?? []).flatMap(logsOf),
      };
    }
    case 'compaction':
      return { type: 'compaction', content: item.encrypted_content };
    default: {
      const { role, content } = item;
      const parts = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content.map(toPart);
      return { type: 'message', role, status: 'completed', parts };
    }
  }
}

function ownId(id: string | null | undefined): { id?: string } {
  return id ? { id: ownItemId(id) } : {};
}

function statusOf(status: string | null | undefined): ItemStatus {
  return status === 'incomplete' || status === 'in_progress' ? status : 'completed';
}

/** Images that a client sends back are left out: its model has seen them. */
function logsOf(output: unknown): CodeOutput[] {
  const { type, logs } = (output ?? {}) as { type?: unknown; logs?: unknown };
  return type === 'logs' && typeof logs === 'string' ? [{ type, text: logs }] : [];
}

function toPart(part: InputPart): Part {
  switch (part.type) {
    case 'refusal':
      return { type: 'refusal', text: part.refusal };
    case 'input_image': {
      if (!part.file_id && !part.image_url) throw invalid("An input_image needs 'image_url' or 'file_id'.", 'input');
      const source = part.file_id ? { fileId: toOwn('file', part.file_id) } : { url: part.image_url! };
      return { type: 'image', ...source, echo: { detail: part.detail ?? 'auto' } };
    }
    case 'input_file': {
      const { file_id: id, file_data: data, file_url: url, filename } = part;
      if (url) throw invalid("Files are not fetched from addresses: send 'file_data' or 'file_id'.", 'input');
      if (!id && !data) throw invalid("An input_file needs 'file_id' or 'file_data'.", 'input');
      const name = filename ? { name: filename } : {};
      const echo = part.detail ? { echo: { detail: part.detail } } : {};
      return { type: 'file', ...(id ? { fileId: toOwn('file', id) } : { data: data! }), ...name, ...echo };
    }
    default: {
      const annotations = 'annotations' in part ? part.annotations : undefined;
      return { type: 'text', text: part.text, ...(annotations?.length ? { echo: { annotations } } : {}) };
    }
  }
}

/** An item as clients read it. @param withOutputs the outputs of code are null unless the client asks for them */
export function wireItem(item: Item, withOutputs: boolean): HistoryItem {
  const id = wireItemId(item);
  switch (item.type) {
    case 'message': {
      const { type, role, status } = item;
      return { id, type, status, role, content: item.parts.map((part) => wirePart(part, role)) } as HistoryItem;
    }
    case 'reasoning':
      return { id, type: 'reasoning', summary: item.summary.map((text) => ({ type: 'summary_text', text })) };
    case 'function_call': {
      const { type, status, callId, name, arguments: args, fromCode } = item;
      const callerId = fromCode ? wireItemId({ type: 'code', id: fromCode }) : '';
      const caller = fromCode === undefined ? {} : { caller: { type: 'program' as const, caller_id: callerId } };
      return { id, type, status, call_id: callId, name, arguments: args, ...caller };
    }
    case 'function_result': {
      const { callId, output } = item;
      const told = typeof output === 'string' ? output : output.map((part) => wirePart(part, 'user'));
      return { id, type: 'function_call_output', call_id: callId, output: told } as HistoryItem;
    }
    case 'compaction':
      return { id, type: 'compaction', encrypted_content: item.content };
    case 'code': {
      const { status, code, sessionId, outputs } = item;
      return {
        id,
        type: 'code_interpreter_call',
        status: status === 'waiting' ? 'interpreting' : status,
        code,
        container_id: sessionId === undefined ? '' : toWire('container', sessionId),
        outputs: withOutputs ? outputs.map(wireOutput) : null,
      };
    }
  }
}

/** An item that a response produced. */
export function wireOutputItem(item: Item, withOutputs: boolean): OutputItem {
  return wireItem(item, withOutputs) as OutputItem;
}

export function annotationsOf(part: Part): Annotation[] {
  if (part.type !== 'text') return [];
  return (part.citations ?? []).map(({ sessionId, fileId, name, start, end }) => ({
    type: 'container_file_citation',
    container_id: wireId('container', sessionId),
    file_id: wireId('containerFile', fileId),
    filename: name,
    start_index: start,
    end_index: end,
  }));
}

function wireOutput(output: CodeOutput) {
  if (output.type === 'logs') return { type: output.type, logs: output.text };
  return { type: output.type, url: `data:${output.mime};base64,${output.data}` };
}

/** Clients read some fields unguarded: annotations of the model's texts, the detail of images. */
function wirePart(part: Part, role: string): unknown {
  switch (part.type) {
    case 'refusal':
      return { type: 'refusal', refusal: part.text };
    case 'image': {
      const { url, fileId, echo } = part;
      const source = fileId === undefined ? { image_url: url } : { file_id: toWire('file', fileId) };
      return { type: 'input_image', ...source, ...echo };
    }
    case 'file': {
      const { fileId, name, data, echo } = part;
      const source = fileId === undefined ? { file_data: data } : { file_id: toWire('file', fileId) };
      return { type: 'input_file', ...source, ...(name === undefined ? {} : { filename: name }), ...echo };
    }
    case 'text': {
      const { text, citations, echo } = part;
      if (citations) return { type: 'output_text', text, annotations: annotationsOf(part), logprobs: [] };
      if (role === 'assistant') return { type: 'output_text', text, annotations: [], ...echo };
      return { type: 'input_text', text };
    }
  }
}
