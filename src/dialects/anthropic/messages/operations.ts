import { z } from 'zod';
import type { Operation } from '../../../http/index.ts';
import { errorAnswers } from '../errors.ts';
import { countBody, messageSchema, messagesBody } from './wire.ts';

const example = {
  model: 'openai/gpt-5',
  max_tokens: 1024,
  messages: [{ role: 'user', content: 'What is 6 times 7?' }],
  tools: [{ type: 'code_execution_20250825', name: 'code_execution' }],
};

const errors = errorAnswers(400, 401, 404, 413, 415, 429, 500, 502, 504, 529);
const stream = { type: 'text/event-stream', schema: z.string().describe('`message_start` to `message_stop`.') };

/** What the OpenAPI document says of `/v1/messages`. */
export const operations = {
  createMessage: {
    id: 'createMessage',
    summary: 'Answer a conversation in Anthropic’s shape',
    description:
      'With the tool `code_execution` any model can run Python and Bash and edit files, as often as it needs. ' +
      'A request without that tool is passed on as it is to a provider that speaks this API, and translated for others. ' +
      'With `stream` the answer is an event stream.',
    body: { type: 'application/json', schema: messagesBody, example },
    answers: {
      ...errors,
      200: {
        description: 'The message.',
        content: { type: 'application/json', schema: messageSchema },
        alternative: stream,
      },
    },
  },
  countTokens: {
    id: 'countMessageTokens',
    summary: 'Estimate the tokens of a request',
    description:
      'Of a message request without `max_tokens`. Anthropic itself counts; for other providers it is an estimate.',
    body: {
      type: 'application/json',
      schema: countBody,
      example: { model: example.model, messages: example.messages },
    },
    answers: {
      ...errors,
      200: {
        description: 'About how many tokens the model would read.',
        content: {
          type: 'application/json',
          schema: z.looseObject({ input_tokens: z.int() }),
          example: { input_tokens: 12 },
        },
      },
    },
  },
} satisfies Record<string, Operation>;
