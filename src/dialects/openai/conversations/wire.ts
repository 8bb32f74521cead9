import { z } from 'zod';
import { listOf, listQuery } from '../lists.ts';
import { inputItem, maxElements } from '../responses/items.ts';
import { metadata } from '../responses/request.ts';

const items = z.array(inputItem).max(maxElements);

export const createBody = z
  .object({ items: items.nullish().describe('What it begins with.'), metadata: metadata.nullish() })
  .meta({ id: 'ConversationRequest' });

export const updateBody = z.object({ metadata: metadata.nullable() });

export const addBody = z.object({ items }).meta({ id: 'ConversationItemsRequest' });

export const itemsQuery = listQuery;

export const conversation = z
  .object({
    id: z.string(),
    object: z.literal('conversation'),
    created_at: z.int(),
    metadata: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Conversation' });

export const conversationDeleted = z.object({
  id: z.string(),
  object: z.literal('conversation.deleted'),
  deleted: z.literal(true),
});

export const conversationItem = z
  .looseObject({ id: z.string(), type: z.string() })
  .describe('As in the `input` and the `output` of responses.')
  .meta({ id: 'ConversationItem' });

export const conversationItemList = listOf(conversationItem);
