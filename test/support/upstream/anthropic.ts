import type { Block, Finish, Tokens } from './script.ts';
import { frame, textOf, type Wire } from './wire.ts';

/** Anthropic's Messages. */
export const anthropic: Wire = {
  protocol: 'anthropic',
  writer(model) {
    let blocks = 0;
    const event = (type: string, fields: object) => frame({ type, ...fields }, type);
    return {
      begin: () => event('message_start', { message: messageOf(model, [], null, { input: 10, output: 1 }) }),
      *block(block) {
        const index = blocks++;
        const empty = contentOf({ ...block, deltas: [] }, '');
        yield event('content_block_start', { index, content_block: empty });
        for (const delta of block.deltas) yield event('content_block_delta', { index, delta: deltaOf(block, delta) });
        if (block.type === 'reasoning')
          yield event('content_block_delta', { index, delta: { type: 'signature_delta', signature: 'scripted' } });
        yield event('content_block_stop', { index });
      },
      end: (finish, usage) =>
        event('message_delta', {
          delta: { stop_reason: stopReasons[finish], stop_sequence: null },
          usage: usageOf(usage),
        }) + event('message_stop', {}),
    };
  },
  whole: (model, blocks, finish, usage) =>
    messageOf(
      model,
      blocks.map((block) => contentOf(block, textOf(block))),
      stopReasons[finish],
      usage,
    ),
  problem: (status, message) => ({
    type: 'error',
    error: { type: status < 500 ? 'invalid_request_error' : 'api_error', message },
  }),
};

const stopReasons: Record<Finish, string> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal',
};

function contentOf(block: Block, text: string): object {
  if (block.type === 'text') return { type: 'text', text };
  if (block.type === 'reasoning') return { type: 'thinking', thinking: text, signature: 'scripted' };
  // This wire carries arguments as JSON: what a script breaks can only be broken in a stream.
  return { type: 'tool_use', id: block.id ?? 'toolu_scripted', name: block.name, input: text ? JSON.parse(text) : {} };
}

function deltaOf(block: Block, delta: string): object {
  if (block.type === 'text') return { type: 'text_delta', text: delta };
  if (block.type === 'reasoning') return { type: 'thinking_delta', thinking: delta };
  return { type: 'input_json_delta', partial_json: delta };
}

function messageOf(model: string, content: object[], stopReason: string | null, usage: Tokens): object {
  const head = { id: 'msg_scripted', type: 'message', role: 'assistant', model };
  return { ...head, content, stop_reason: stopReason, stop_sequence: null, usage: usageOf(usage) };
}

function usageOf({ input, output, cached = 0 }: Tokens): object {
  return {
    input_tokens: input - cached,
    output_tokens: output,
    cache_read_input_tokens: cached,
    cache_creation_input_tokens: 0,
  };
}
