import type { Frame } from '../../../http/index.ts';
import { errorAnswer } from '../errors.ts';
import type { OpenAIServices } from '../services.ts';
import { type Delta, finishReason, usageOf } from './answer.ts';
import type { ChatRun } from './run.ts';
import type { ChatBody, CodeCall, Completion } from './wire.ts';

interface Last {
  readonly code_interpreter_calls?: readonly CodeCall[];
}

/** An answer as chunks. The last frame is `[DONE]`, or an error when the answer is not complete. */
export async function* chunksOf(
  context: OpenAIServices,
  run: ChatRun,
  first: ReturnType<ChatRun['next']>,
  body: ChatBody,
): AsyncGenerator<Frame> {
  const withUsage = body.stream_options?.include_usage === true;
  const head = {
    id: run.id,
    object: 'chat.completion.chunk',
    created: run.created,
    model: body.model ?? 'default',
  };
  const chunk = (
    delta: (Delta & Last) | { role: 'assistant'; content: '' },
    finish: Completion['choices'][number]['finish_reason'] | null = null,
  ): Frame => ({
    data: {
      ...head,
      choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }],
      ...(withUsage ? { usage: null } : {}),
    },
  });
  try {
    yield chunk({ role: 'assistant', content: '' });
    for (let event = await first; ; event = await run.next()) {
      const delta = run.answer.take(event);
      if (delta) yield chunk(delta);
      if (event.type !== 'end') continue;
      const { end, usage, codeCalls } = await run.end(event);
      yield chunk(codeCalls.length > 0 ? { code_interpreter_calls: codeCalls } : {}, finishReason(end));
      if (withUsage) yield { data: { ...head, choices: [], usage: usageOf(usage) } };
      yield { data: '[DONE]' };
      return;
    }
  } catch (error) {
    yield { data: errorAnswer(error, context.problem(error)).body };
  } finally {
    await run.close();
  }
}
