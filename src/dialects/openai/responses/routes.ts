import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { DialectContext } from '../../../http/index.ts';
import { type Frame, sendEvents, whenGone } from '../../../http/index.ts';
import { pageFrom, pageOf } from '../lists.ts';
import { parse, queryList } from '../parse.ts';
import { upstreamKey } from '../upstream-key.ts';
import { type NumberedWireEvent, shownEvent } from './events.ts';
import { estimateTokens } from './input-tokens.ts';
import { inputItemsQuery, operations, responseQuery } from './operations.ts';
import { parseBody } from './request.ts';
import { shownResponse, wantsOutputs } from './response.ts';
import { Responses } from './responses.ts';
import type { ResponseRun } from './run.ts';

/** How long nothing may be sent: proxies and clients give up on what is silent. A stream begins then although the model has not. */
const defaultQuietMs = 10_000;

const shared = new WeakMap<DialectContext, Responses>();

/** The face is mounted twice, over the same responses. */
function responsesOf(context: DialectContext): Responses {
  const responses = shared.get(context) ?? new Responses(context);
  shared.set(context, responses);
  return responses;
}

/** `/v1/responses`. */
export function responseRoutes(app: FastifyInstance, context: DialectContext, quietMs = defaultQuietMs): void {
  const responses = responsesOf(context);
  app.addHook('onClose', () => responses.close());
  const listing = { rateClass: 'list' } as const;

  app.post('/responses', { config: { rateClass: 'exec', operation: operations.createResponse } }, (request, reply) =>
    create(responses, request, reply, quietMs),
  );

  app.post(
    '/responses/input_tokens',
    { config: { ...listing, operation: operations.inputTokens } },
    async (request) => ({
      object: 'response.input_tokens',
      input_tokens: estimateTokens(parseBody(request.body)),
    }),
  );

  app.get(
    '/responses/:response_id',
    { config: { ...listing, operation: operations.getResponse } },
    async (request, reply) => {
      const id = idOf(request);
      const { stream, starting_after: after = -1 } = parse(responseQuery, request.query);
      const withOutputs = wantsOutputs(queryList(request.query, 'include'));
      if (stream !== 'true') return shownResponse(await responses.get(request.principal, id), withOutputs);
      const events = await responses.events(request.principal, id, after, whenGone(reply));
      return sendEvents(reply, frames(events, withOutputs));
    },
  );

  app.delete(
    '/responses/:response_id',
    { config: { ...listing, operation: operations.deleteResponse } },
    async (request) => {
      const id = idOf(request);
      await responses.delete(request.principal, id);
      return { id, object: 'response.deleted', deleted: true };
    },
  );

  app.post(
    '/responses/:response_id/cancel',
    { config: { ...listing, operation: operations.cancelResponse } },
    async (request) => {
      const id = idOf(request);
      return shownResponse(await responses.cancel(request.principal, id), false);
    },
  );

  app.get(
    '/responses/:response_id/input_items',
    { config: { ...listing, operation: operations.inputItems } },
    async (request) => {
      const id = idOf(request);
      const page = pageOf(parse(inputItemsQuery, request.query));
      return pageFrom(await responses.input(request.principal, id), page);
    },
  );
}

function idOf({ params }: FastifyRequest): string {
  return (params as { response_id: string }).response_id;
}

async function create(
  responses: Responses,
  request: FastifyRequest,
  reply: FastifyReply,
  quietMs: number,
): Promise<unknown> {
  const body = parseBody(request.body);
  const withOutputs = wantsOutputs(body.include);
  const gone = whenGone(reply);
  const run = await responses.begin(request.principal, body, upstreamKey(request));
  if (body.background) responses.follow(run);
  else {
    // Nobody would hear of it.
    gone.addEventListener('abort', () => run.cancel(), { once: true });
    if (gone.aborted) run.cancel();
    // Until the model has begun, a failure is an answer of its own, which the client may try again.
    await (body.stream ? Promise.race([run.begun, sleep(quietMs, undefined, { ref: false })]) : run.begun);
    responses.follow(run);
  }
  if (body.stream) return sendEvents(reply, frames(run.log.read(-1, gone), withOutputs));
  const whole = () => shownResponse(run.response, withOutputs);
  if (body.background || (await isDone(run, quietMs))) return whole();
  return reply.type('application/json; charset=utf-8').send(Readable.from(patiently(run, whole, quietMs)));
}

function isDone(run: ResponseRun, ms: number): Promise<boolean> {
  return Promise.race([run.finished.then(() => true), sleep(ms, false, { ref: false })]);
}

/** JSON may begin with blanks, so what takes minutes need not be silent: the status is known since the model has begun. */
async function* patiently(run: ResponseRun, whole: () => unknown, quietMs: number): AsyncGenerator<string> {
  do yield ' ';
  while (!(await isDone(run, quietMs)));
  yield JSON.stringify(whole());
}

async function* frames(events: AsyncIterable<NumberedWireEvent>, withOutputs: boolean): AsyncGenerator<Frame> {
  for await (const event of events) yield { event: event.type, data: shownEvent(event, withOutputs) };
}
