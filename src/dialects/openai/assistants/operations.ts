import { z } from 'zod';
import type { Operation } from '../../../http/index.ts';
import { assistantExample, idParam, json, pageExample, reading, sending } from '../examples.ts';
import { listQuery } from '../lists.ts';
import { assistant, assistantDeleted, assistantList, createBody, updateBody } from './wire.ts';

const params = z.object({ assistant: idParam });
const example = { model: 'openai/gpt-5', instructions: 'Answer in numbers.', tools: [{ type: 'code_interpreter' }] };

/** What the OpenAPI document says of `/v1/assistants`. */
export const operations = {
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
