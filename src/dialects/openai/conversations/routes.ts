import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Conversation, Item } from '../../../assistant/index.ts';
import { ownItemId, seconds, toOwn, wireId, wireItemId } from '../ids.ts';
import { itemPageOf, listPage } from '../lists.ts';
import { parse, queryList } from '../parse.ts';
import { wantsOutputs } from '../responses/response.ts';
import { toItems, wireItem } from '../responses/translate.ts';
import type { OpenAIServices } from '../services.ts';
import { operations } from './operations.ts';
import { addBody, createBody, itemsQuery, updateBody } from './wire.ts';

const reading = { rateClass: 'list' } as const;
const writing = { rateClass: 'upload' } as const;

/** `/v1/conversations`: items under an id, for responses to go on from. */
export function conversationRoutes(app: FastifyInstance, { assistant }: OpenAIServices): void {
  const { conversations } = assistant;

  app.post('/conversations', { config: { ...writing, operation: operations.createConversation } }, async (request) => {
    const { items, metadata } = parse(createBody, request.body ?? {});
    const added = toItems(items ?? [], 'items');
    return conversationObject(await conversations.create(request.principal, metadata ?? {}, added));
  });

  app.get(
    '/conversations/:conversation_id',
    { config: { ...reading, operation: operations.getConversation } },
    async (request) => conversationObject(await conversations.get(request.principal, ownIdOf(request))),
  );

  app.post(
    '/conversations/:conversation_id',
    { config: { ...writing, operation: operations.updateConversation } },
    async (request) => {
      const { metadata } = parse(updateBody, request.body ?? {});
      return conversationObject(await conversations.update(request.principal, ownIdOf(request), metadata ?? {}));
    },
  );

  app.delete(
    '/conversations/:conversation_id',
    { config: { ...reading, operation: operations.deleteConversation } },
    async (request) => {
      await conversations.delete(request.principal, ownIdOf(request));
      return { id: idOf(request), object: 'conversation.deleted', deleted: true };
    },
  );

  itemRoutes(app, assistant.conversations);
}

function itemRoutes(app: FastifyInstance, conversations: OpenAIServices['assistant']['conversations']): void {
  app.post(
    '/conversations/:conversation_id/items',
    { config: { ...writing, operation: operations.addConversationItems } },
    async (request) => {
      const { items } = parse(addBody, request.body ?? {});
      const added = await conversations.add(request.principal, ownIdOf(request), toItems(items, 'items'));
      return listPage(added.map(wireFor(request)), false);
    },
  );

  app.get(
    '/conversations/:conversation_id/items',
    { config: { ...reading, operation: operations.listConversationItems } },
    async (request) => {
      const page = itemPageOf(parse(itemsQuery, request.query));
      const { items, more } = await conversations.page(request.principal, ownIdOf(request), page);
      return listPage(items.map(wireFor(request)), more);
    },
  );

  app.get(
    '/conversations/:conversation_id/items/:item_id',
    { config: { ...reading, operation: operations.getConversationItem } },
    async (request) => {
      const { id, named } = itemOf(request);
      return wireFor(request)(await conversations.item(request.principal, ownIdOf(request), id, named));
    },
  );

  app.delete(
    '/conversations/:conversation_id/items/:item_id',
    { config: { ...reading, operation: operations.deleteConversationItem } },
    async (request) => {
      const { id, named } = itemOf(request);
      return conversationObject(await conversations.removeItem(request.principal, ownIdOf(request), id, named));
    },
  );
}

function conversationObject({ id, createdAt, metadata }: Conversation) {
  return { id: wireId('conversation', id), object: 'conversation' as const, created_at: seconds(createdAt), metadata };
}

function wireFor({ query }: FastifyRequest) {
  const withOutputs = wantsOutputs(queryList(query, 'include'));
  return (item: Item) => ({ ...wireItem(item, withOutputs), id: wireItemId(item) });
}

function idOf({ params }: FastifyRequest): string {
  return (params as { conversation_id: string }).conversation_id;
}

function ownIdOf(request: FastifyRequest): string {
  return toOwn('conversation', idOf(request));
}

function itemOf({ params }: FastifyRequest): { readonly id: string; readonly named: string } {
  const { item_id: named } = params as { item_id: string };
  return { id: ownItemId(named), named };
}
