import { z } from 'zod';
import { fileAnswers, type Operation } from '../../../http/index.ts';
import { errorAnswers, versionHeader } from '../errors.ts';
import { fileDeleted, fileList, fileParams, fileSchema, filesQuery, uploadFields } from './wire.ts';

const errors = errorAnswers(400, 401, 404, 413, 429, 500, 529);
const json = (description: string, schema: z.ZodType) => ({
  description,
  content: { type: 'application/json', schema },
});

/** What the OpenAPI document says of `/v1/files` for clients that send `anthropic-version`. */
export const operations = {
  upload: {
    id: 'uploadMessageFile',
    headers: versionHeader,
    summary: 'Store a file',
    description: 'A `container_upload` block puts it where code runs.',
    body: {
      type: 'multipart/form-data',
      schema: uploadFields.extend({
        file: z
          .array(z.string().meta({ contentMediaType: 'application/octet-stream' }))
          .length(1)
          .describe('One file; the last segment of its name is kept.'),
      }),
    },
    answers: { ...errors, 200: json('It is stored.', fileSchema) },
  },
  list: {
    id: 'listMessageFiles',
    headers: versionHeader,
    summary: 'The caller’s files, newest first',
    description: 'Uploads, and what code of messages made.',
    query: filesQuery,
    answers: { ...errors, 200: json('A page of them.', fileList) },
  },
  get: {
    id: 'getMessageFile',
    headers: versionHeader,
    summary: 'What is known of a file',
    params: fileParams,
    answers: { ...errors, 200: json('The file.', fileSchema) },
  },
  content: {
    id: 'messageFileContent',
    headers: versionHeader,
    summary: 'The content of a file that code made',
    params: fileParams,
    answers: { ...errors, ...fileAnswers },
  },
  delete: {
    id: 'deleteMessageFile',
    headers: versionHeader,
    summary: 'Remove a file',
    params: fileParams,
    answers: { ...errors, 200: json('It is removed.', fileDeleted) },
  },
} satisfies Record<string, Operation>;
