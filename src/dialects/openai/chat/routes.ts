import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { jsonWithHeartbeat, sendEvents } from '../../../http/index.ts';
import { errorAnswer } from '../errors.ts';
import { relayed } from '../relay.ts';
import type { OpenAIServices } from '../services.ts';
import { finishReason, usageOf } from './answer.ts';
import { operations } from './operations.ts';
import { needsUs, parseBody, withSwitches } from './request.ts';
import { ChatRun } from './run.ts';
import { chunksOf } from './stream.ts';
import type { Completion } from './wire.ts';

/**
 * How long a stream waits for the model before it begins. A failure until then has an HTTP status of its own, and no proxy closes
 * the connection so early.
 */
const patienceMs = 5000;

/** How long an answer that is not streamed may be silent. A later failure has status 200, so this is long. */
const defaultQuietMs = 20_000;

/** `/v1/chat/completions`, with a code interpreter that runs here for any model. */
export function chatRoutes(app: FastifyInstance, context: OpenAIServices, quietMs = defaultQuietMs): void {
  app.post(
    '/chat/completions',
    { config: { rateClass: 'exec', operation: operations.createChatCompletion } },
    async (request, reply) => {
      request.body = withSwitches(request.body);
      const answer = needsUs(request.body) ? undefined : await relayed(context, request, reply, 'chat/completions');
      if (answer) return answer;
      const body = parseBody(request.body);
      const run = await ChatRun.begin(context, request, reply, body);
      if (!body.stream) return jsonWithHeartbeat(reply, whole(run, reply), quietMs, late(context));
      const first = run.next();
      try {
        await Promise.race([first, sleep(patienceMs, undefined, { ref: false })]);
      } catch (error) {
        await run.close();
        throw error;
      }
      return sendEvents(reply, chunksOf(context, run, first, body));
    },
  );
}

const late = (context: OpenAIServices) => (error: unknown) => errorAnswer(error, context.problem(error)).body;

async function whole(run: ChatRun, reply: FastifyReply): Promise<Completion> {
  const { answer } = run;
  try {
    for (;;) {
      const event = await run.next();
      answer.take(event);
      if (event.type !== 'end') continue;
      const { end, usage, model, codeCalls } = await run.end(event);
      return {
        id: run.id,
        object: 'chat.completion',
        created: run.created,
        model,
        choices: [
          {
            index: 0,
            message: {
              role: 'assistant',
              content: answer.content === '' && answer.toolCalls.length > 0 ? null : answer.content,
              refusal: null,
              ...(answer.reasoning === '' ? {} : { reasoning_content: answer.reasoning }),
              ...(answer.toolCalls.length > 0 ? { tool_calls: answer.toolCalls } : {}),
              ...(codeCalls.length > 0 ? { code_interpreter_calls: [...codeCalls] } : {}),
            },
            finish_reason: finishReason(end),
            logprobs: null,
          },
        ],
        usage: usageOf(usage),
      };
    }
  } catch (error) {
    // Clients retry on their own, and the code would run twice.
    if (run.hasBegun && !reply.sent) reply.header('x-should-retry', 'false');
    throw error;
  } finally {
    // The answer does not wait for it.
    void run.close();
  }
}
