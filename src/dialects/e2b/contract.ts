import { z } from 'zod';
import type { AcceptedRoute } from '../../http/index.ts';
import { envdPort, inside, interpreterPort, prefix } from './address.ts';
import {
  connectBody,
  contextBody,
  contextParams,
  createBody,
  executeBody,
  filesQuery,
  listQuery,
  networkBody,
  pauseBody,
  refreshBody,
  sandboxParams,
  spanQuery,
  timeoutBody,
} from './wire.ts';

const jsonBody = <S extends z.ZodType>(schema: S) => ({ type: 'application/json', schema }) as const;
const optionalBody = <S extends z.ZodType>(schema: S) =>
  ({ type: 'application/json', schema, optional: true }) as const;
const one = (tail: string) => `${prefix}/sandboxes/:sandbox_id${tail}`;

const create = {
  method: 'POST',
  rateClass: 'exec',
  body: jsonBody(createBody),
} as const;
const list = {
  method: 'GET',
  rateClass: 'list',
  query: listQuery,
} as const;
const connect = {
  method: 'POST',
  rateClass: 'list',
  params: sandboxParams,
  body: optionalBody(connectBody),
} as const;

/** The lifecycle of sandboxes. */
export const controlRoutes = {
  create: { ...create, url: `${prefix}/v2/sandboxes` },
  createOld: { ...create, url: `${prefix}/sandboxes` },
  connect: { ...connect, url: `${prefix}/v2/sandboxes/:sandbox_id/connect` },
  connectOld: { ...connect, url: one('/connect') },
  list: { ...list, url: `${prefix}/v2/sandboxes` },
  listOld: { ...list, url: `${prefix}/sandboxes` },
  read: {
    method: 'GET',
    url: one(''),
    rateClass: 'list',
    params: sandboxParams,
  },
  delete: {
    method: 'DELETE',
    url: one(''),
    rateClass: 'list',
    params: sandboxParams,
  },
  timeout: {
    method: 'POST',
    url: one('/timeout'),
    rateClass: 'list',
    params: sandboxParams,
    body: jsonBody(timeoutBody),
  },
  refresh: {
    method: 'POST',
    url: one('/refreshes'),
    rateClass: 'list',
    params: sandboxParams,
    body: optionalBody(refreshBody),
  },
  pause: {
    method: 'POST',
    url: one('/pause'),
    rateClass: 'list',
    params: sandboxParams,
    body: optionalBody(pauseBody),
  },
  resume: {
    ...connect,
    url: one('/resume'),
  },
  metrics: {
    method: 'GET',
    url: one('/metrics'),
    rateClass: 'list',
    params: sandboxParams,
    query: spanQuery,
  },
  network: {
    method: 'PUT',
    url: one('/network'),
    rateClass: 'list',
    params: sandboxParams,
    body: jsonBody(networkBody),
  },
} satisfies Record<string, AcceptedRoute>;

const envd = `${inside}/:sandbox_id/${envdPort}`;

/** Commands and files in a sandbox. */
export const envdRoutes = {
  health: {
    method: 'GET',
    url: `${envd}/health`,
    params: sandboxParams,
    open: true,
  },
} satisfies Record<string, AcceptedRoute>;

/** Files in a sandbox. An address may be signed instead of a token that is sent. */
export const fileRoutes = {
  download: {
    method: 'GET',
    url: `${envd}/files`,
    rateClass: 'download',
    params: sandboxParams,
    query: filesQuery,
  },
  upload: {
    method: 'POST',
    url: `${envd}/files`,
    rateClass: 'upload',
    params: sandboxParams,
    query: filesQuery,
    body: { type: 'multipart/form-data', schema: z.object({ file: z.array(z.string()) }) },
  },
} satisfies Record<string, AcceptedRoute>;

const interpreter = `${inside}/:sandbox_id/${interpreterPort}`;

/** Code in a sandbox. */
export const interpreterRoutes = {
  health: {
    method: 'GET',
    url: `${interpreter}/health`,
    params: sandboxParams,
    open: true,
  },
  execute: {
    method: 'POST',
    url: `${interpreter}/execute`,
    rateClass: 'exec',
    params: sandboxParams,
    body: jsonBody(executeBody),
  },
  createContext: {
    method: 'POST',
    url: `${interpreter}/contexts`,
    rateClass: 'exec',
    params: sandboxParams,
    body: optionalBody(contextBody),
  },
  listContexts: {
    method: 'GET',
    url: `${interpreter}/contexts`,
    rateClass: 'list',
    params: sandboxParams,
  },
  deleteContext: {
    method: 'DELETE',
    url: `${interpreter}/contexts/:context_id`,
    rateClass: 'list',
    params: contextParams,
  },
  restartContext: {
    method: 'POST',
    url: `${interpreter}/contexts/:context_id/restart`,
    rateClass: 'list',
    params: contextParams,
  },
} satisfies Record<string, AcceptedRoute>;
