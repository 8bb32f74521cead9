import { z } from 'zod';
import type { AcceptedRoute } from '../../http/index.ts';
import { prefix } from './address.ts';
import {
  codeBody,
  commandBody,
  commandParams,
  contextBody,
  contextParams,
  createBody,
  cursorQuery,
  directoriesBody,
  directoryQuery,
  downloadQuery,
  endpointParams,
  idQuery,
  languageQuery,
  listQuery,
  metadataBody,
  moveBody,
  pathsQuery,
  renewBody,
  sandboxParams,
  searchQuery,
} from './wire.ts';

const jsonBody = <S extends z.ZodType>(schema: S) => ({ type: 'application/json', schema }) as const;

/** The lifecycle of sandboxes. */
export const lifecycleRoutes = {
  create: {
    method: 'POST',
    url: `${prefix}/sandboxes`,
    rateClass: 'exec',
    body: jsonBody(createBody),
  },
  list: {
    method: 'GET',
    url: `${prefix}/sandboxes`,
    rateClass: 'list',
    query: listQuery,
  },
  read: {
    method: 'GET',
    url: `${prefix}/sandboxes/:sandbox_id`,
    rateClass: 'list',
    params: sandboxParams,
  },
  delete: {
    method: 'DELETE',
    url: `${prefix}/sandboxes/:sandbox_id`,
    rateClass: 'list',
    params: sandboxParams,
  },
  renew: {
    method: 'POST',
    url: `${prefix}/sandboxes/:sandbox_id/renew-expiration`,
    rateClass: 'list',
    params: sandboxParams,
    body: jsonBody(renewBody),
  },
  metadata: {
    method: 'PATCH',
    url: `${prefix}/sandboxes/:sandbox_id/metadata`,
    rateClass: 'list',
    params: sandboxParams,
    body: jsonBody(metadataBody),
  },
  endpoint: {
    method: 'GET',
    url: `${prefix}/sandboxes/:sandbox_id/endpoints/:port`,
    rateClass: 'list',
    params: endpointParams,
  },
} satisfies Record<string, AcceptedRoute>;

/** Where the routes inside a sandbox are. */
const execd = `${prefix}/sandboxes/:sandbox_id/execd`;

/** Code in a sandbox. */
export const codeRoutes = {
  ping: {
    method: 'GET',
    url: `${execd}/ping`,
    params: sandboxParams,
  },
  metrics: {
    method: 'GET',
    url: `${execd}/metrics`,
    rateClass: 'list',
    params: sandboxParams,
  },
  run: {
    method: 'POST',
    url: `${execd}/code`,
    rateClass: 'exec',
    params: sandboxParams,
    body: jsonBody(codeBody),
  },
  interrupt: {
    method: 'DELETE',
    url: `${execd}/code`,
    rateClass: 'list',
    params: sandboxParams,
    query: idQuery,
  },
  createContext: {
    method: 'POST',
    url: `${execd}/code/context`,
    rateClass: 'exec',
    params: sandboxParams,
    body: jsonBody(contextBody),
  },
  listContexts: {
    method: 'GET',
    url: `${execd}/code/contexts`,
    rateClass: 'list',
    params: sandboxParams,
    query: languageQuery,
  },
  deleteContexts: {
    method: 'DELETE',
    url: `${execd}/code/contexts`,
    rateClass: 'list',
    params: sandboxParams,
    query: languageQuery,
  },
  readContext: {
    method: 'GET',
    url: `${execd}/code/contexts/:context_id`,
    rateClass: 'list',
    params: contextParams,
  },
  deleteContext: {
    method: 'DELETE',
    url: `${execd}/code/contexts/:context_id`,
    rateClass: 'list',
    params: contextParams,
  },
} satisfies Record<string, AcceptedRoute>;

/** Commands in a sandbox. */
export const commandRoutes = {
  run: {
    method: 'POST',
    url: `${execd}/command`,
    rateClass: 'exec',
    params: sandboxParams,
    body: jsonBody(commandBody),
  },
  interrupt: {
    method: 'DELETE',
    url: `${execd}/command`,
    rateClass: 'list',
    params: sandboxParams,
    query: idQuery,
  },
  status: {
    method: 'GET',
    url: `${execd}/command/status/:command_id`,
    rateClass: 'list',
    params: commandParams,
  },
  logs: {
    method: 'GET',
    url: `${execd}/command/:command_id/logs`,
    rateClass: 'list',
    params: commandParams,
    query: cursorQuery,
  },
} satisfies Record<string, AcceptedRoute>;

/** Files of a sandbox, at any path. */
export const fileRoutes = {
  upload: {
    method: 'POST',
    url: `${execd}/files/upload`,
    rateClass: 'upload',
    params: sandboxParams,
    body: {
      type: 'multipart/form-data',
      schema: z.object({ metadata: z.array(z.string()), file: z.array(z.string()) }),
    },
  },
  download: {
    method: 'GET',
    url: `${execd}/files/download`,
    rateClass: 'download',
    params: sandboxParams,
    query: downloadQuery,
  },
  info: {
    method: 'GET',
    url: `${execd}/files/info`,
    rateClass: 'list',
    params: sandboxParams,
    query: pathsQuery,
  },
  delete: {
    method: 'DELETE',
    url: `${execd}/files`,
    rateClass: 'list',
    params: sandboxParams,
    query: pathsQuery,
  },
  move: {
    method: 'POST',
    url: `${execd}/files/mv`,
    rateClass: 'list',
    params: sandboxParams,
    body: jsonBody(moveBody),
  },
  makeDirectories: {
    method: 'POST',
    url: `${execd}/directories`,
    rateClass: 'list',
    params: sandboxParams,
    body: jsonBody(directoriesBody),
  },
  deleteDirectories: {
    method: 'DELETE',
    url: `${execd}/directories`,
    rateClass: 'list',
    params: sandboxParams,
    query: pathsQuery,
  },
  listDirectory: {
    method: 'GET',
    url: `${execd}/directories/list`,
    rateClass: 'list',
    params: sandboxParams,
    query: directoryQuery,
  },
  search: {
    method: 'GET',
    url: `${execd}/files/search`,
    rateClass: 'list',
    params: sandboxParams,
    query: searchQuery,
  },
} satisfies Record<string, AcceptedRoute>;
