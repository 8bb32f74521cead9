import { z } from 'zod';
import { problems, type Route } from '../../../http/index.ts';
import { kernel, kernelList } from '../answers.ts';
import { kernelBody, kernelParams, sessionParams } from '../wire.ts';
import { json, jsonBody } from './shared.ts';

/** Kernels of a session. */

const example = {
  id: 'k5Tb2MxWq8RzVd1NfHc7J',
  language: 'python',
  directory: 'analysis',
  default: false,
  state: 'dormant',
  created_at: '2026-01-02T03:04:05.000Z',
} as const;

const usual = { ...example, id: 'python', directory: '', default: true, state: 'live' } as const;
const changing = problems(400, 401, 404, 408, 409, 410, 413, 415, 429, 500, 503);

export const kernelRoutes = {
  create: {
    id: 'createKernel',
    method: 'POST',
    url: '/sessions/:session_id/kernels',
    rateClass: 'exec',
    summary: 'Make a further kernel in a session',
    description:
      'It has variables of its own and shares the files. It starts with its first code. A session has at most 16 kernels, and their code runs one after another.',
    params: sessionParams,
    body: jsonBody(kernelBody, { language: 'python', directory: 'analysis' }),
    answers: {
      ...changing,
      201: { ...json('It is there.', kernel, example), headers: { Location: z.string() } },
    },
  },
  list: {
    id: 'listKernels',
    method: 'GET',
    url: '/sessions/:session_id/kernels',
    rateClass: 'list',
    summary: 'The kernels of a session',
    description: 'The default kernels of languages that have run, then those that were made.',
    params: sessionParams,
    answers: { ...changing, 200: json('All of them.', kernelList, { data: [usual, example] }) },
  },
  read: {
    id: 'readKernel',
    method: 'GET',
    url: '/sessions/:session_id/kernels/:kernel_id',
    rateClass: 'list',
    summary: 'What is known of a kernel',
    params: kernelParams,
    answers: { ...changing, 200: json('The kernel.', kernel, example) },
  },
  restart: {
    id: 'restartKernel',
    method: 'POST',
    url: '/sessions/:session_id/kernels/:kernel_id/restart',
    rateClass: 'list',
    summary: 'Forget a kernel’s variables',
    description: 'What runs in it is cancelled. Files and other kernels stay.',
    params: kernelParams,
    answers: { ...changing, 200: json('The kernel.', kernel, example) },
  },
  delete: {
    id: 'deleteKernel',
    method: 'DELETE',
    url: '/sessions/:session_id/kernels/:kernel_id',
    rateClass: 'list',
    summary: 'End a kernel',
    description: 'What runs in it is cancelled. A default kernel comes back with the next code of its language.',
    params: kernelParams,
    answers: { ...changing, 204: { description: 'It is gone.' } },
  },
} satisfies Record<string, Route>;
