import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { DialectContext } from '../../../http/index.ts';
import { listPage, pageFrom, pageOf } from '../lists.ts';
import { parse, queryList } from '../parse.ts';
import type { HistoryItem } from '../responses/items.ts';
import { ResponseRecords } from '../responses/records.ts';
import { shownItem, wantsOutputs } from '../responses/response.ts';
import { Conversations, noSuchItem } from './conversations.ts';
import { operations } from './operations.ts';
import { addBody, createBody, itemsQuery, updateBody } from './wire.ts';

const reading = { rateClass: 'list' } as const;
const writing = { rateClass: 'upload' } as const;

/** `/v1/conversations`: what was said under an id, for responses to go on from. */
export function conversationRoutes(app: FastifyInstance, context: DialectContext): void {
  const conversations = new Conversations(context);
  const records = new ResponseRecords(context);
  const finder =
    ({ principal }: FastifyRequest) =>
    (id: string) =>
      records.find(principal, id);

  app.post('/conversations', { config: { ...writing, operation: operations.createConversation } }, (request) => {
    const { items, metadata } = parse(createBody, request.body ?? {});
    return conversations.create(request.principal, metadata ?? {}, items ?? [], finder(request));
  });

  app.get(
    '/conversations/:conversation_id',
    { config: { ...reading, operation: operations.getConversation } },
    (request) => conversations.get(request.principal, idOf(request)),
  );

  app.post(
    '/conversations/:conversation_id',
    { config: { ...writing, operation: operations.updateConversation } },
    (request) => {
      const { metadata } = parse(updateBody, request.body ?? {});
      return conversations.update(request.principal, idOf(request), metadata ?? {});
    },
  );

  app.delete(
    '/conversations/:conversation_id',
    { config: { ...reading, operation: operations.deleteConversation } },
    async (request) => {
      const id = idOf(request);
      await conversations.delete(request.principal, id);
      return { id, object: 'conversation.deleted', deleted: true };
    },
  );

  app.post(
    '/conversations/:conversation_id/items',
    { config: { ...writing, operation: operations.addConversationItems } },
    async (request) => {
      const { items } = parse(addBody, request.body ?? {});
      const added = await conversations.add(request.principal, idOf(request), items, finder(request));
      return listPage(added.map(shownFor(request)), false);
    },
  );

  app.get(
    '/conversations/:conversation_id/items',
    { config: { ...reading, operation: operations.listConversationItems } },
    async (request) => {
      const page = pageOf(parse(itemsQuery, request.query));
      const { items } = await conversations.read(request.principal, idOf(request));
      return pageFrom(items.map(shownFor(request)), page);
    },
  );

  app.get(
    '/conversations/:conversation_id/items/:item_id',
    { config: { ...reading, operation: operations.getConversationItem } },
    async (request) => {
      const { items } = await conversations.read(request.principal, idOf(request));
      const found = items.find(({ id }) => id === itemOf(request));
      if (!found) throw noSuchItem(idOf(request), itemOf(request));
      return shownFor(request)(found);
    },
  );

  app.delete(
    '/conversations/:conversation_id/items/:item_id',
    { config: { ...reading, operation: operations.deleteConversationItem } },
    (request) => conversations.removeItem(request.principal, idOf(request), itemOf(request)),
  );
}

function shownFor({ query }: FastifyRequest): (item: HistoryItem) => HistoryItem {
  const withOutputs = wantsOutputs(queryList(query, 'include'));
  return (item) => shownItem(item, withOutputs);
}

function idOf({ params }: FastifyRequest): string {
  return (params as { conversation_id: string }).conversation_id;
}

function itemOf({ params }: FastifyRequest): string {
  return (params as { item_id: string }).item_id;
}
