import type { Block, Finish, Tokens } from './script.ts';
import { frame, now, textOf, type Wire } from './wire.ts';

/** OpenAI's Chat Completions, as vLLM, Ollama and many others speak it. */
export const chat: Wire = {
  protocol: 'chat',
  writer(model) {
    const head = { id: 'chatcmpl-scripted', object: 'chat.completion.chunk', created: now(), model };
    const chunk = (delta: object, finish: Finish | null = null) =>
      frame({ ...head, choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }] });
    let calls = 0;
    return {
      begin: () => chunk({ role: 'assistant', content: '' }),
      *block(block) {
        if (block.type === 'text') for (const content of block.deltas) yield chunk({ content });
        else if (block.type === 'reasoning')
          for (const delta of block.deltas) yield chunk({ reasoning_content: delta });
        else {
          const index = calls++;
          const id = block.id === null ? {} : { id: block.id };
          const call = { index, ...id, type: 'function', function: { name: block.name, arguments: '' } };
          yield chunk({ tool_calls: [call] });
          for (const delta of block.deltas) yield chunk({ tool_calls: [{ index, function: { arguments: delta } }] });
        }
      },
      end: (finish, usage) =>
        chunk({}, finish) + frame({ ...head, choices: [], usage: usageOf(usage) }) + frame('[DONE]'),
    };
  },
  whole(model, blocks, finish, usage) {
    const join = (type: Block['type']) =>
      blocks
        .filter((block) => block.type === type)
        .map(textOf)
        .join('');
    const calls = blocks
      .filter((block) => block.type === 'call')
      .map((block) => ({
        ...(block.id === null ? {} : { id: block.id }),
        type: 'function',
        function: { name: block.name, arguments: textOf(block) },
      }));
    const message = {
      role: 'assistant',
      content: join('text') || null,
      ...(join('reasoning') ? { reasoning_content: join('reasoning') } : {}),
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    };
    return {
      id: 'chatcmpl-scripted',
      object: 'chat.completion',
      created: now(),
      model,
      choices: [{ index: 0, message, finish_reason: finish, logprobs: null }],
      usage: usageOf(usage),
    };
  },
  problem: (status, message) => ({
    error: { message, type: status < 500 ? 'invalid_request_error' : 'server_error', param: null, code: null },
  }),
};

function usageOf({ input, output, cached = 0, reasoning = 0 }: Tokens): object {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}
