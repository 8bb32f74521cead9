import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { DialectContext } from '../../../http/index.ts';
import { abortOnDisconnect, jsonWithHeartbeat, sendEvents } from '../../../http/index.ts';
import { hasInputs } from '../assistants/inputs.ts';
import { respondToInputs } from '../assistants/respond.ts';
import { errorAnswer } from '../errors.ts';
import { pageFrom, pageOf } from '../lists.ts';
import { parse, queryList } from '../parse.ts';
import { relayed } from '../relay.ts';
import { upstreamKey } from '../upstream-key.ts';
import { compactBody } from './compact.ts';
import { defaultQuietMs, deliver, framesOf } from './deliver.ts';
import { type NumberedWireEvent, shownEvent } from './events.ts';
import { estimateTokens } from './input-tokens.ts';
import { inputItemsQuery, operations, responseQuery } from './operations.ts';
import { parseBody } from './request.ts';
import { shownResponse, wantsOutputs } from './response.ts';
import type { Responses } from './responses.ts';
import { isStateless } from './stateless.ts';

/** `/v1/responses`. */
export function responseRoutes(
  app: FastifyInstance,
  context: DialectContext,
  responses: Responses,
  quietMs = defaultQuietMs,
): void {
  const listing = { rateClass: 'list' } as const;

  app.post(
    '/responses',
    { config: { rateClass: 'exec', operation: operations.createResponse } },
    async (request, reply) => {
      if (hasInputs(request.body)) return respondToInputs(context, responses, request, reply);
      const answer = isStateless(request.body) ? await relayed(context, request, reply, 'responses') : undefined;
      return answer ?? create(responses, request, reply, quietMs);
    },
  );

  app.post(
    '/responses/input_tokens',
    { config: { ...listing, operation: operations.inputTokens } },
    async (request) => {
      const body = parseBody(request.body);
      const { before, input } = await responses.history(request.principal, body);
      return { object: 'response.input_tokens', input_tokens: estimateTokens(body, [...before, ...input]) };
    },
  );

  app.post(
    '/responses/compact',
    { config: { rateClass: 'exec', operation: operations.compactResponse } },
    async (request, reply) => {
      const body = parse(compactBody, request.body);
      const terms = { upstreamKey: upstreamKey(request), signal: abortOnDisconnect(reply) };
      const late = (error: unknown) => errorAnswer(error, context.problem(error)).body;
      return jsonWithHeartbeat(reply, responses.compact(request.principal, body, terms), quietMs, late);
    },
  );

  app.get(
    '/responses/:response_id',
    { config: { ...listing, operation: operations.getResponse } },
    async (request, reply) => {
      const id = idOf(request);
      const { stream, starting_after: after = -1 } = parse(responseQuery, request.query);
      const withOutputs = wantsOutputs(queryList(request.query, 'include'));
      if (stream !== 'true') return shownResponse(await responses.get(request.principal, id), withOutputs);
      const events = await responses.events(request.principal, id, after, abortOnDisconnect(reply));
      return sendEvents(reply, framesOf(events, frameOf(withOutputs)));
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
  const gone = abortOnDisconnect(reply);
  const run = await responses.begin(request.principal, body, { upstreamKey: upstreamKey(request) });
  return deliver(responses, run, reply, gone, {
    stream: body.stream ?? false,
    frame: frameOf(withOutputs),
    whole: (response) => shownResponse(response, withOutputs),
    quietMs,
  });
}

const frameOf = (withOutputs: boolean) => (event: NumberedWireEvent) => ({
  event: event.type,
  data: shownEvent(event, withOutputs),
});
