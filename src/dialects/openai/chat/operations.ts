import { z } from 'zod';
import type { Operation } from '../../../http/index.ts';
import { errorAnswers } from '../errors.ts';
import { json, sending } from '../examples.ts';
import { chatBody, completion } from './wire.ts';

const example = {
  id: 'chatcmpl-Qy3kZr0vXc7TgWbN5mLpA',
  object: 'chat.completion',
  created: 1767323045,
  model: 'openai/gpt-5',
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: 'It is 42.',
        refusal: null,
        code_interpreter_calls: [
          {
            id: 'ci_Qy3kZr0vXc7TgWbN5mLpA',
            code: 'print(6 * 7)',
            container_id: null,
            stdout: '42\n',
            stderr: '',
            results: [],
            error: null,
            files: [],
          },
        ],
      },
      finish_reason: 'stop',
      logprobs: null,
    },
  ],
  usage: {
    prompt_tokens: 120,
    completion_tokens: 30,
    total_tokens: 150,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  },
};

const theirs = z
  .looseObject({ choices: z.array(z.looseObject({})) })
  .describe('A provider’s own, for a request without the tool.');

const stream = { type: 'text/event-stream', schema: z.string().describe('Chunks, then `[DONE]`.') };

/** What the OpenAPI document says of `/v1/chat/completions`. */
export const operations = {
  createChatCompletion: {
    id: 'createChatCompletion',
    summary: 'Answer a conversation',
    description:
      'With the tool `code_interpreter` any model can run Python, as often as it needs. Calls of it are not tool calls of the answer. ' +
      'A request without that tool is passed on as it is to providers that speak Chat Completions, and answered as they answer. ' +
      'With `stream` the answer is an event stream of chunks that ends in `[DONE]`.',
    body: {
      type: 'application/json',
      schema: chatBody,
      example: {
        model: 'openai/gpt-5',
        messages: [{ role: 'user', content: 'What is 6 times 7?' }],
        tools: [{ type: 'code_interpreter' }],
      },
    },
    answers: {
      ...sending,
      ...errorAnswers(502),
      200: { ...json('The answer.', z.union([completion, theirs]), example), alternative: stream },
    },
  },
} satisfies Record<string, Operation>;
