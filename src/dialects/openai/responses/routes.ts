import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { abortOnDisconnect, jsonWithHeartbeat, sendEvents, upstreamKey } from '../../../http/index.ts';
import { errorAnswer, invalid } from '../errors.ts';
import { toOwn, wireItemId } from '../ids.ts';
import { itemPageOf, listPage } from '../lists.ts';
import { parse, queryList } from '../parse.ts';
import { relayed } from '../relay.ts';
import type { OpenAIServices } from '../services.ts';
import { compactBody, compactedObject } from './compact.ts';
import { defaultQuietMs, deliver, framesOf } from './deliver.ts';
import type { NumberedWireEvent } from './events.ts';
import { estimateTokens } from './input-tokens.ts';
import { inputItemsQuery, operations, responseQuery } from './operations.ts';
import { parseBody } from './request.ts';
import { wantsOutputs, wireResponse } from './response.ts';
import { isStateless } from './stateless.ts';
import { historyOf, toRequest } from './to-request.ts';
import { wireItem } from './translate.ts';

export interface ResponseRouteOptions {
  readonly quietMs?: number | undefined;
  /** Answers bodies of `POST /responses` in another style; undefined for a body that is not in that style. */
  readonly otherStyle?: ((request: FastifyRequest, reply: FastifyReply) => Promise<unknown> | undefined) | undefined;
}

/** `/v1/responses`. */
export function responseRoutes(
  app: FastifyInstance,
  context: OpenAIServices,
  options: ResponseRouteOptions = {},
): void {
  const { responses } = context.assistant;
  const { quietMs = defaultQuietMs, otherStyle } = options;
  const listing = { rateClass: 'list' } as const;

  app.post(
    '/responses',
    { config: { rateClass: 'exec', operation: operations.createResponse } },
    async (request, reply) => {
      const other = otherStyle?.(request, reply);
      if (other) return other;
      const answer = isStateless(request.body) ? await relayed(context, request, reply, 'responses') : undefined;
      return answer ?? create(context, request, reply, quietMs);
    },
  );

  app.post(
    '/responses/input_tokens',
    { config: { ...listing, operation: operations.inputTokens } },
    async (request) => {
      const body = parseBody(request.body);
      const items = await responses.items(request.principal, historyOf(body));
      return { object: 'response.input_tokens', input_tokens: estimateTokens(body, items) };
    },
  );

  app.post(
    '/responses/compact',
    { config: { rateClass: 'exec', operation: operations.compactResponse } },
    async (request, reply) => {
      const { model, instructions, ...body } = parse(compactBody, request.body);
      const asked = {
        ...historyOf(body),
        model: model ?? undefined,
        instructions: instructions ?? undefined,
        upstreamKey: upstreamKey(request),
      };
      const compacted = responses.compact(request.principal, asked, abortOnDisconnect(reply));
      const late = (error: unknown) => errorAnswer(error, context.problem(error)).body;
      return jsonWithHeartbeat(
        reply,
        compacted.then((done) => compactedObject(done, context.now())),
        quietMs,
        late,
      );
    },
  );

  app.get(
    '/responses/:response_id',
    { config: { ...listing, operation: operations.getResponse } },
    async (request, reply) => {
      const { principal } = request;
      const { stream, starting_after: asked = -1 } = parse(responseQuery, request.query);
      const withOutputs = wantsOutputs(queryList(request.query, 'include'));
      if (stream !== 'true') return wireResponse(await responses.get(principal, ownIdOf(request)), withOutputs);
      const after = Math.max(asked, lastEventId(request));
      const events = await responses.events(principal, ownIdOf(request), abortOnDisconnect(reply));
      return sendEvents(reply, framesOf(events, { frame: resumableFrame, withOutputs }, after));
    },
  );

  app.delete(
    '/responses/:response_id',
    { config: { ...listing, operation: operations.deleteResponse } },
    async (request) => {
      await responses.delete(request.principal, ownIdOf(request));
      return { id: idOf(request), object: 'response.deleted', deleted: true };
    },
  );

  app.post(
    '/responses/:response_id/cancel',
    { config: { ...listing, operation: operations.cancelResponse } },
    async (request) => wireResponse(await responses.cancel(request.principal, ownIdOf(request)), false),
  );

  app.get(
    '/responses/:response_id/input_items',
    { config: { ...listing, operation: operations.inputItems } },
    async (request) => {
      const withOutputs = wantsOutputs(queryList(request.query, 'include'));
      const page = itemPageOf(parse(inputItemsQuery, request.query));
      const { items, more } = await responses.input(request.principal, ownIdOf(request), page);
      return listPage(
        items.map((item) => ({ ...wireItem(item, withOutputs), id: wireItemId(item) })),
        more,
      );
    },
  );
}

function idOf({ params }: FastifyRequest): string {
  return (params as { response_id: string }).response_id;
}

function ownIdOf(request: FastifyRequest): string {
  return toOwn('response', idOf(request));
}

async function create(
  { assistant }: OpenAIServices,
  request: FastifyRequest,
  reply: FastifyReply,
  quietMs: number,
): Promise<unknown> {
  const body = parseBody(request.body);
  const withOutputs = wantsOutputs(body.include);
  const gone = abortOnDisconnect(reply);
  const asked = toRequest(body, { upstreamKey: upstreamKey(request) });
  const run = await assistant.responses.begin(request.principal, asked);
  return deliver(assistant, run, reply, gone, {
    stream: body.stream ?? false,
    withOutputs,
    frame: body.background ? resumableFrame : frame,
    whole: (response) => wireResponse(response, withOutputs),
    quietMs,
  });
}

function frame(event: NumberedWireEvent) {
  return { event: event.type, data: event };
}

/** Of a stream that a client can come back to: its number is the frame's id. */
function resumableFrame(event: NumberedWireEvent) {
  return { ...frame(event), id: String(event.sequence_number) };
}

/** The event that a client which reconnects has seen last; -1: none. @throws WireError */
function lastEventId({ headers }: FastifyRequest): number {
  const said = headers['last-event-id'];
  if (said === undefined) return -1;
  if (typeof said === 'string' && /^\d{1,9}$/.test(said)) return Number(said);
  throw invalid('`Last-Event-ID` must be the number of an event.');
}
