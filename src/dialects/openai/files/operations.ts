import { z } from 'zod';
import { fileAnswers, fileHeaders, type Operation } from '../../../http/index.ts';
import { errorAnswers } from '../errors.ts';
import { fileExample, idParam, json, pageExample, reading, sending } from '../examples.ts';
import { fileDeleted, fileList, fileSchema, filesQuery, uploadFields } from './wire.ts';

/** What the OpenAPI document says of `/v1/files`. */
export const operations = {
  createFile: {
    id: 'createFile',
    summary: 'Store a file',
    description:
      'It can be put into containers by its id. It stays until it expires, or as long as the service keeps files.',
    body: {
      type: 'multipart/form-data',
      schema: uploadFields.extend({
        file: z
          .array(z.string().meta({ contentMediaType: 'application/octet-stream' }))
          .length(1)
          .describe('One file; the last segment of its name is kept.'),
      }),
    },
    answers: { ...sending, ...errorAnswers(504), 200: json('It is stored.', fileSchema, fileExample) },
  },
  listFiles: {
    id: 'listFiles',
    summary: 'The caller’s files',
    query: filesQuery,
    answers: {
      ...reading,
      200: json('A page of them.', fileList, pageExample(fileExample)),
    },
  },
  getFile: {
    id: 'getFile',
    summary: 'What is known of a file',
    params: z.object({ suffix: idParam.describe('What follows `file-` in its id.') }),
    answers: { ...reading, 200: json('The file.', fileSchema, fileExample) },
  },
  fileContent: {
    id: 'fileContent',
    summary: 'The content of a file',
    params: z.object({ file: idParam }),
    headers: fileHeaders,
    answers: {
      ...reading,
      ...fileAnswers,
    },
  },
  deleteFile: {
    id: 'deleteFile',
    summary: 'Remove a file',
    params: z.object({ suffix: idParam.describe('What follows `file-` in its id.') }),
    answers: {
      ...reading,
      200: json('It is removed.', fileDeleted, { id: fileExample.id, object: 'file', deleted: true }),
    },
  },
} satisfies Record<string, Operation>;
