import { z } from 'zod';
import type { Operation } from '../../../http/index.ts';
import { errorAnswers } from '../errors.ts';
import { assistantExample, containerExample, idParam, json, pageExample, reading, sending } from '../examples.ts';
import { listQuery } from '../lists.ts';
import { type ModelResponse, modelResponse } from './answers.ts';
import { inputsBody } from './inputs.ts';
import { assistant, assistantDeleted, assistantList, createBody, updateBody } from './wire.ts';

const params = z.object({ assistant: idParam });
const example = { model: 'openai/gpt-5', instructions: 'Answer in numbers.', tools: [{ type: 'code_interpreter' }] };

const stream = { type: 'text/event-stream', schema: z.string().describe('Events as of `/v1/responses`.') };

const answer: ModelResponse = {
  id: 'resp_Qy3kZr0vXc7TgWbN5mLpA',
  object: 'response',
  created_at: 1767323045,
  status: 'completed',
  model: 'openai/gpt-5',
  organization_id: null,
  assistant_id: null,
  output: [
    {
      id: 'ci_Qy3kZr0vXc7TgWbN5mLpAo0',
      type: 'code_interpreter_call',
      status: 'completed',
      code: 'print(6 * 7)',
      container_id: containerExample.id,
      outputs: [{ type: 'text', text: '42\n' }],
    },
    {
      id: 'msg_Qy3kZr0vXc7TgWbN5mLpAo1',
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: 'It is 42.', annotations: [] }],
    },
  ],
  error: null,
  incomplete_details: null,
  usage: null,
};

/** What the OpenAPI document says of `/v1/assistants` and `/v1/model/response`. */
export const operations = {
  createModelResponse: {
    id: 'createModelResponse',
    summary: 'Ask an assistant, or a model',
    description:
      'The same as `/v1/responses` with `inputs` in place of `input`. What code prints comes as text; what it makes is cited. ' +
      'With `stream` the answer is an event stream.',
    body: {
      type: 'application/json',
      schema: inputsBody,
      example: {
        inputs: [{ role: 'user', content: 'What is 6 times 7?' }],
        tools: [{ type: 'code_interpreter', mode: 'on' }],
      },
    },
    answers: {
      ...sending,
      ...errorAnswers(502),
      200: { ...json('The answer.', modelResponse, answer), alternative: stream },
    },
  },
  createAssistant: {
    id: 'createAssistant',
    summary: 'Make an assistant',
    description: 'A model with instructions, tools and files, to be named by its id in `/v1/model/response`.',
    body: { type: 'application/json', schema: createBody, example },
    answers: { ...sending, 200: json('It is there.', assistant, assistantExample) },
  },
  listAssistants: {
    id: 'listAssistants',
    summary: 'The caller’s assistants',
    query: listQuery,
    answers: { ...reading, 200: json('A page of them.', assistantList, pageExample(assistantExample)) },
  },
  getAssistant: {
    id: 'getAssistant',
    summary: 'What is known of an assistant',
    params,
    answers: { ...reading, 200: json('The assistant.', assistant, assistantExample) },
  },
  updateAssistant: {
    id: 'updateAssistant',
    summary: 'Change an assistant',
    description: 'What is left out stays as it is.',
    params,
    body: { type: 'application/json', schema: updateBody, example: { instructions: 'Answer in words.' } },
    answers: { ...sending, 200: json('As it is now.', assistant, assistantExample) },
  },
  deleteAssistant: {
    id: 'deleteAssistant',
    summary: 'Remove an assistant',
    params,
    answers: {
      ...reading,
      200: json('It is gone.', assistantDeleted, {
        id: assistantExample.id,
        object: 'assistant.deleted',
        deleted: true,
      }),
    },
  },
} satisfies Record<string, Operation>;
