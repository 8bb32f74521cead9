import { chat } from './chat.ts';
import type { Block, Finish, Tokens } from './script.ts';
import { frame, now, textOf, type Wire } from './wire.ts';

/** OpenAI's Responses API. */
export const responses: Wire = {
  protocol: 'responses',
  writer(model) {
    let sequence = 0;
    const output: object[] = [];
    const event = (type: string, fields: object) => frame({ type, sequence_number: sequence++, ...fields }, type);
    return {
      begin: () => {
        const response = responseOf(model, 'in_progress', [], null, null);
        return event('response.created', { response }) + event('response.in_progress', { response });
      },
      *block(block) {
        const output_index = output.length;
        const item = itemOf(block, output_index);
        const at = { output_index, item_id: item.id };
        yield event('response.output_item.added', { output_index, item: emptied(item) });
        if (block.type === 'text') {
          const part = { type: 'output_text', text: '', annotations: [], logprobs: [] };
          yield event('response.content_part.added', { ...at, content_index: 0, part });
          for (const delta of block.deltas)
            yield event('response.output_text.delta', { ...at, content_index: 0, delta, logprobs: [] });
          const text = textOf(block);
          yield event('response.output_text.done', { ...at, content_index: 0, text, logprobs: [] });
          yield event('response.content_part.done', { ...at, content_index: 0, part: { ...part, text } });
        } else if (block.type === 'reasoning') {
          const part = { type: 'summary_text', text: '' };
          yield event('response.reasoning_summary_part.added', { ...at, summary_index: 0, part });
          for (const delta of block.deltas)
            yield event('response.reasoning_summary_text.delta', { ...at, summary_index: 0, delta });
          const text = textOf(block);
          yield event('response.reasoning_summary_text.done', { ...at, summary_index: 0, text });
          yield event('response.reasoning_summary_part.done', { ...at, summary_index: 0, part: { ...part, text } });
        } else {
          for (const delta of block.deltas) yield event('response.function_call_arguments.delta', { ...at, delta });
          yield event('response.function_call_arguments.done', { ...at, arguments: textOf(block) });
        }
        yield event('response.output_item.done', { output_index, item });
        output.push(item);
      },
      end: (finish, usage) => {
        const [status, details] = ending(finish);
        return event(`response.${status}`, { response: responseOf(model, status, output, details, usage) });
      },
    };
  },
  whole(model, blocks, finish, usage) {
    const [status, details] = ending(finish);
    return responseOf(model, status, blocks.map(itemOf), details, usage);
  },
  problem: chat.problem,
};

interface Item {
  readonly id: string;
  readonly type: string;
}

function itemOf(block: Block, index: number): Item {
  const text = textOf(block);
  if (block.type === 'text')
    return Object.assign(
      { id: `msg_${index}`, type: 'message' },
      { role: 'assistant', status: 'completed' },
      {
        content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
      },
    );
  if (block.type === 'reasoning')
    return Object.assign(
      { id: `rs_${index}`, type: 'reasoning' },
      { summary: [{ type: 'summary_text', text }], encrypted_content: `sealed ${text}` },
    );
  const call = { call_id: block.id ?? `call_${index}`, name: block.name, arguments: text, status: 'completed' };
  return Object.assign({ id: `fc_${index}`, type: 'function_call' }, call);
}

/** An item as it is announced. */
function emptied(item: Item): object {
  if (item.type === 'reasoning') return { ...item, summary: [] };
  return { ...item, status: 'in_progress', ...(item.type === 'message' ? { content: [] } : { arguments: '' }) };
}

function ending(finish: Finish): ['completed' | 'incomplete', object | null] {
  if (finish === 'length') return ['incomplete', { reason: 'max_output_tokens' }];
  if (finish === 'content_filter') return ['incomplete', { reason: 'content_filter' }];
  return ['completed', null];
}

function responseOf(model: string, status: string, output: object[], details: object | null, usage: Tokens | null) {
  return {
    id: 'resp_scripted',
    object: 'response',
    created_at: now(),
    status,
    error: null,
    incomplete_details: details,
    model,
    output,
    usage: usage && {
      input_tokens: usage.input,
      input_tokens_details: { cached_tokens: usage.cached ?? 0 },
      output_tokens: usage.output,
      output_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
      total_tokens: usage.input + usage.output,
    },
  };
}
