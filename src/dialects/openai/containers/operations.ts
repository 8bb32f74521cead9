import { z } from 'zod';
import { fileAnswers, fileHeaders, type Operation } from '../../../http/index.ts';
import { errorAnswers } from '../errors.ts';
import { containerExample, containerFileExample, idParam, json, pageExample, reading, sending } from '../examples.ts';
import { listQuery } from '../lists.ts';
import {
  container,
  containerDeleted,
  containerFile,
  containerFileDeleted,
  containerFileList,
  containerList,
  containersQuery,
  copyBody,
  createBody,
} from './wire.ts';

const params = z.object({ container: idParam });
const fileParams = params.extend({ cfile: idParam });

/** What the OpenAPI document says of `/v1/containers`. */
export const operations = {
  createContainer: {
    id: 'createContainer',
    summary: 'Make a container',
    description: 'A container is a session of every other dialect as well.',
    body: { type: 'application/json', schema: createBody, example: { name: 'analysis' } },
    answers: { ...sending, 200: json('It is there.', container, containerExample) },
  },
  listContainers: {
    id: 'listContainers',
    summary: 'The caller’s containers',
    query: containersQuery,
    answers: { ...reading, 200: json('A page of them.', containerList, pageExample(containerExample)) },
  },
  getContainer: {
    id: 'getContainer',
    summary: 'What is known of a container',
    description: 'Counts as use. An expired one is still described for a while.',
    params,
    answers: { ...reading, 200: json('The container.', container, containerExample) },
  },
  deleteContainer: {
    id: 'deleteContainer',
    summary: 'End a container, its sandbox and its files',
    params,
    answers: {
      ...reading,
      200: json('It is gone.', containerDeleted, {
        id: containerExample.id,
        object: 'container.deleted',
        deleted: true,
      }),
    },
  },
  addContainerFile: {
    id: 'addContainerFile',
    summary: 'Put a file into a container',
    description:
      'A form with one part `file`, or JSON that names a file of `/v1/files`. A name that is taken is given a prefix; `path` tells.',
    params,
    body: { type: 'application/json', schema: copyBody, example: { file_id: 'file-Qy3kZr0vXc7TgWbN5mLpA' } },
    answers: { ...sending, ...errorAnswers(504), 200: json('It is there.', containerFile, containerFileExample) },
  },
  listContainerFiles: {
    id: 'listContainerFiles',
    summary: 'Every file of a container, those its code made included',
    params,
    query: listQuery,
    answers: { ...reading, 200: json('A page of them.', containerFileList, pageExample(containerFileExample)) },
  },
  getContainerFile: {
    id: 'getContainerFile',
    summary: 'What is known of a container’s file',
    params: fileParams,
    answers: { ...reading, 200: json('The file.', containerFile, containerFileExample) },
  },
  containerFileContent: {
    id: 'containerFileContent',
    summary: 'The content of a container’s file',
    description: 'Also of a file that has been replaced since, by the id it had.',
    headers: fileHeaders,
    params: fileParams,
    answers: {
      ...reading,
      ...fileAnswers,
    },
  },
  deleteContainerFile: {
    id: 'deleteContainerFile',
    summary: 'Remove a file of a container',
    params: fileParams,
    answers: {
      ...reading,
      200: json('It is gone.', containerFileDeleted, {
        id: containerFileExample.id,
        object: 'container.file.deleted',
        deleted: true,
      }),
    },
  },
} satisfies Record<string, Operation>;
