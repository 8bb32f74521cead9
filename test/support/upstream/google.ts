import type { Block, Finish, Tokens } from './script.ts';
import { frame, textOf, type Wire } from './wire.ts';

/** Google's generateContent. Its calls come whole, with arguments that are JSON: what a script breaks is left out. */
export const google: Wire = {
  protocol: 'google',
  writer: (model) => ({
    begin: () => frame(answerOf(model, [])),
    *block(block) {
      if (block.type === 'call') yield frame(answerOf(model, [partOf(block, textOf(block))]));
      else for (const delta of block.deltas) yield frame(answerOf(model, [partOf(block, delta)]));
    },
    end: (finish, usage) => frame({ ...answerOf(model, [], reasons[finish]), usageMetadata: usageOf(usage) }),
  }),
  whole: (model, blocks, finish, usage) => ({
    ...answerOf(
      model,
      blocks.map((block) => partOf(block, textOf(block))),
      reasons[finish],
    ),
    usageMetadata: usageOf(usage),
  }),
  problem: (code, message) => ({ error: { code, message, status: 'UNKNOWN' } }),
};

const reasons: Record<Finish, string> = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  tool_calls: 'STOP',
  content_filter: 'SAFETY',
};

function partOf(block: Block, text: string): object {
  if (block.type === 'text') return { text };
  if (block.type === 'reasoning') return { text, thought: true };
  const id = block.id === null ? {} : { id: block.id };
  return { functionCall: { ...id, name: block.name, args: JSON.parse(text) }, thoughtSignature: 'signed' };
}

function answerOf(model: string, parts: object[], finishReason?: string): object {
  const finish = finishReason === undefined ? {} : { finishReason };
  return { candidates: [{ index: 0, content: { role: 'model', parts }, ...finish }], modelVersion: model };
}

function usageOf({ input, output, cached = 0, reasoning = 0 }: Tokens): object {
  return {
    promptTokenCount: input,
    candidatesTokenCount: output - reasoning,
    cachedContentTokenCount: cached,
    thoughtsTokenCount: reasoning,
    totalTokenCount: input + output,
  };
}
