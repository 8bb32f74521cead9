import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { jsonWithHeartbeat, sendEvents } from '../../../http/index.ts';
import { errorAnswer } from '../errors.ts';
import { parse } from '../parse.ts';
import type { AnthropicServices } from '../services.ts';
import { estimatedTokens } from './count.ts';
import { operations } from './operations.ts';
import { relayed } from './relay.ts';
import { type MessageRules, MessageRun } from './run.ts';
import { framesOf, ping } from './stream.ts';
import { countBody, type Message } from './wire.ts';

/**
 * How long a stream waits for the model before it begins. A failure until then has an HTTP status of its own, and no proxy closes
 * the connection so early.
 */
const patienceMs = 5000;

/**
 * How long an answer that is not streamed may be silent. Clients take a later failure, which has status 200, for a message, so this is
 * little less than what clients wait for the head of an answer.
 */
const quietMs = 240_000;

/** `/v1/messages`, with code execution that runs here for any model. */
export function messageRoutes(app: FastifyInstance, context: AnthropicServices, rules: MessageRules): void {
  app.post(
    '/messages',
    { config: { rateClass: 'exec', operation: operations.createMessage } },
    async (request, reply) => {
      const answer = await relayed(context, request, reply, 'messages');
      if (answer) return answer;
      const run = await MessageRun.begin(context, request, reply, rules);
      const isStream = (request.body as { stream?: unknown }).stream === true;
      if (!isStream) return jsonWithHeartbeat(reply, whole(run, reply), quietMs, late(context, request));
      const first = run.next();
      try {
        await Promise.race([first, sleep(patienceMs, undefined, { ref: false })]);
      } catch (error) {
        await run.close();
        throw error;
      }
      return sendEvents(reply, framesOf(context, run, first, request.id), ping);
    },
  );

  app.post(
    '/messages/count_tokens',
    { config: { rateClass: 'list', operation: operations.countTokens } },
    async (request, reply) =>
      (await relayed(context, request, reply, 'messages/count_tokens')) ?? {
        input_tokens: estimatedTokens(parse(countBody, request.body)),
        // Clients of the beta read it.
        context_management: null,
      },
  );
}

const late =
  (context: AnthropicServices, { id }: FastifyRequest) =>
  (error: unknown) =>
    errorAnswer(error, context.problem(error), id).body;

async function whole(run: MessageRun, reply: FastifyReply): Promise<Message> {
  try {
    for (;;) {
      const event = await run.next();
      const told = event.type === 'end' ? run.rest() : run.take(event);
      // The message is written down as its events are made.
      for await (const _ of told);
      if (event.type === 'end') return await run.end(event);
    }
  } catch (error) {
    // Clients retry on their own, and the code would run twice.
    if (run.hasRun && !reply.sent) reply.header('x-should-retry', 'false');
    throw error;
  } finally {
    // The answer does not wait for it.
    void run.close();
  }
}
