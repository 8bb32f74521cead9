import { z } from 'zod';
import type { Operation } from '../../../http/index.ts';
import { errorAnswers } from '../errors.ts';
import { json, reading, sending } from '../examples.ts';
import { wireId } from '../ids.ts';
import { listOf, listQuery } from '../lists.ts';
import { compactBody, compactedResponse } from './compact.ts';
import { listedInput } from './items.ts';
import { responseBody } from './request.ts';
import { type ResponseObject, responseObject } from './response.ts';

/** What the OpenAPI document says of `/v1/responses`. */

const params = z.object({ response_id: z.string().regex(/^resp_[A-Za-z0-9_-]{21}$/) });

const include = z
  .array(z.string())
  .optional()
  .describe('`code_interpreter_call.outputs`; also as `include[]`, or separated by commas.');

export const responseQuery = z.object({
  stream: z.enum(['true', 'false']).optional().describe('The events of the response instead of the response.'),
  starting_after: z.coerce.number().int().min(-1).optional().describe('Only events after this number.'),
});

export const inputItemsQuery = listQuery;

const id = 'Qy3kZr0vXc7TgWbN5mLpA';

const example: ResponseObject = {
  id: wireId('response', id),
  object: 'response',
  created_at: 1767323045,
  status: 'completed',
  background: false,
  completed_at: 1767323047,
  error: null,
  incomplete_details: null,
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  metadata: {},
  model: 'a-model',
  output: [
    {
      id: `ci_${id}o0`,
      type: 'code_interpreter_call',
      status: 'completed',
      code: 'print(6 * 7)',
      container_id: 'cntr_h2Jx8sUe4YdFq6KoVn1Ra',
      outputs: null,
    },
    {
      id: `msg_${id}o1`,
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: 'It is 42.', annotations: [], logprobs: [] }],
    },
  ],
  parallel_tool_calls: true,
  previous_response_id: null,
  conversation: null,
  prompt_cache_key: null,
  reasoning: { effort: null, summary: null },
  safety_identifier: null,
  service_tier: 'default',
  store: true,
  temperature: 1,
  text: { format: { type: 'text' }, verbosity: 'medium' },
  tool_choice: 'auto',
  tools: [{ type: 'code_interpreter', container: { type: 'auto' } }],
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
  usage: {
    input_tokens: 120,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: 20,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 140,
  },
  user: null,
  access_programs: null,
};

const whole = (description: string) => json(description, responseObject, example);
/** The response, or its events when the request asks for a stream. */
const wholeOrEvents = (description: string) => ({
  ...whole(description),
  alternative: { type: 'text/event-stream', schema: z.string() },
});
const upstream = errorAnswers(502);

export const operations = {
  createResponse: {
    id: 'createResponse',
    summary: 'Let a model answer, with a code interpreter where it is given one',
    description:
      'With `stream` the answer is a stream of events, as OpenAI’s. What goes wrong after the model has begun is a response that ' +
      '`failed`, with status 200: code that ran is never run twice by a client that tries again. A request with `store` false and ' +
      'nothing of this service’s in it is passed on as it is to a provider that speaks this API, and answered as that one answers.',
    body: {
      type: 'application/json',
      schema: responseBody,
      example: {
        model: 'a-model',
        input: 'What is 6 times 7?',
        tools: [{ type: 'code_interpreter', container: { type: 'auto' } }],
      },
    },
    answers: { ...sending, ...upstream, 200: wholeOrEvents('The response.') },
  },
  getResponse: {
    id: 'getResponse',
    summary: 'A response, or its events',
    params,
    query: responseQuery.extend({ include }),
    headers: z.object({
      'last-event-id': z
        .string()
        .optional()
        .describe('With `stream=true`: only events after this number, as `starting_after`.'),
    }),
    answers: { ...reading, 200: wholeOrEvents('The response as it is now.') },
  },
  deleteResponse: {
    id: 'deleteResponse',
    summary: 'Remove a response',
    params,
    answers: {
      ...reading,
      200: json(
        'It is removed.',
        z.object({ id: z.string(), object: z.literal('response.deleted'), deleted: z.literal(true) }),
        { id: wireId('response', id), object: 'response.deleted', deleted: true },
      ),
    },
  },
  cancelResponse: {
    id: 'cancelResponse',
    summary: 'End a response that is made in the background',
    params,
    answers: { ...reading, 200: whole('The response, which has ended.') },
  },
  inputItems: {
    id: 'listInputItems',
    summary: 'What went into a response',
    params,
    query: inputItemsQuery.extend({ include }),
    answers: {
      ...reading,
      200: json('A page of its items.', listOf(listedInput), {
        object: 'list',
        data: [
          {
            id: `msg_${id}i0`,
            type: 'message',
            role: 'user',
            status: 'completed',
            content: [{ type: 'input_text', text: 'What is 6 times 7?' }],
          },
        ],
        first_id: `msg_${id}i0`,
        last_id: `msg_${id}i0`,
        has_more: false,
      }),
    },
  },
  inputTokens: {
    id: 'countInputTokens',
    summary: 'About how many tokens a request has',
    body: { type: 'application/json', schema: responseBody },
    answers: {
      ...sending,
      200: json('An estimate.', z.object({ object: z.literal('response.input_tokens'), input_tokens: z.int() }), {
        object: 'response.input_tokens',
        input_tokens: 12,
      }),
    },
  },
  compactResponse: {
    id: 'compactResponse',
    summary: 'Let the model sum up a conversation, to go on from less',
    description:
      'The output takes the place of the conversation in the next input: the user’s messages as they were, then one item that stands ' +
      'for all the rest. Nothing is kept here.',
    body: { type: 'application/json', schema: compactBody },
    answers: {
      ...sending,
      ...upstream,
      200: json('What stands for the conversation.', compactedResponse, {
        id: wireId('response', id),
        object: 'response.compaction',
        created_at: 1767323045,
        output: [
          {
            id: `cmp_${id}`,
            type: 'compaction',
            encrypted_content: 'dragoman1.eyJzdW1tYXJ5IjoiNiB0aW1lcyA3IGlzIDQyLiJ9',
          },
        ],
        usage: example.usage,
      }),
    },
  },
} satisfies Record<string, Operation>;
