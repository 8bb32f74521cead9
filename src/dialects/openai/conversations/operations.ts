import { z } from 'zod';
import type { Operation } from '../../../http/index.ts';
import { json, pageExample, reading, sending } from '../examples.ts';
import { wireId } from '../ids.ts';
import {
  addBody,
  conversation,
  conversationDeleted,
  conversationItem,
  conversationItemList,
  createBody,
  itemsQuery,
  updateBody,
} from './wire.ts';

const params = z.object({ conversation_id: z.string().regex(/^conv_[A-Za-z0-9_-]{21}$/) });
const itemParams = params.extend({ item_id: z.string().regex(/^\w{2,4}_[A-Za-z0-9_-]{21}[io]\d$/) });
const include = z.array(z.string()).optional().describe('`code_interpreter_call.outputs`; also as `include[]`.');

const id = 'Qy3kZr0vXc7TgWbN5mLpA';
const example = { id: wireId('conversation', id), object: 'conversation', created_at: 1767323045, metadata: {} };
const said = { role: 'user', content: 'What is 6 times 7?' };
const itemExample = {
  id: `msg_${id}i0`,
  type: 'message',
  role: 'user',
  status: 'completed',
  content: [{ type: 'input_text', text: said.content }],
};
const whole = (description: string) => json(description, conversation, example);

/** What the OpenAPI document says of `/v1/conversations`. */
export const operations = {
  createConversation: {
    id: 'createConversation',
    summary: 'Begin a conversation',
    description: 'A response that names it in `conversation` goes on from everything in it, and is added to it.',
    body: { type: 'application/json', schema: createBody, example: { items: [said] } },
    answers: { ...sending, 200: whole('It has begun.') },
  },
  getConversation: {
    id: 'getConversation',
    summary: 'What is known of a conversation',
    params,
    answers: { ...reading, 200: whole('The conversation.') },
  },
  updateConversation: {
    id: 'updateConversation',
    summary: 'Change what is noted of a conversation',
    params,
    body: { type: 'application/json', schema: updateBody, example: { metadata: { topic: 'sums' } } },
    answers: { ...sending, 200: whole('As it is now.') },
  },
  deleteConversation: {
    id: 'deleteConversation',
    summary: 'Remove a conversation',
    description: 'Responses of it stay, with what went into them.',
    params,
    answers: {
      ...reading,
      200: json('It is removed.', conversationDeleted, {
        id: example.id,
        object: 'conversation.deleted',
        deleted: true,
      }),
    },
  },
  addConversationItems: {
    id: 'addConversationItems',
    summary: 'Add to a conversation',
    params,
    body: { type: 'application/json', schema: addBody, example: { items: [said] } },
    answers: { ...sending, 200: json('What was added.', conversationItemList, pageExample(itemExample)) },
  },
  listConversationItems: {
    id: 'listConversationItems',
    summary: 'What is in a conversation',
    params,
    query: itemsQuery.extend({ include }),
    answers: { ...reading, 200: json('A page of it.', conversationItemList, pageExample(itemExample)) },
  },
  getConversationItem: {
    id: 'getConversationItem',
    summary: 'One item of a conversation',
    params: itemParams,
    query: z.object({ include }),
    answers: { ...reading, 200: json('The item.', conversationItem, itemExample) },
  },
  deleteConversationItem: {
    id: 'deleteConversationItem',
    summary: 'Remove an item of a conversation',
    params: itemParams,
    answers: { ...reading, 200: whole('The conversation.') },
  },
} satisfies Record<string, Operation>;
