import { problems, type Route } from '../../../http/index.ts';
import { stateList } from '../answers.ts';
import { sessionParams } from '../wire.ts';
import { ids, json } from './shared.ts';

/** Variables of sessions that outlive their sandbox. */

const example = {
  data: [
    {
      kernel: 'python',
      state: 'saved',
      saved_at: '2026-01-02T03:05:30.000Z',
      execution_id: ids.execution,
      behind: false,
      bytes: 48_213,
      versions: { python: '3.13.1' },
      variables: 12,
      kept: [{ name: 'sales', type: 'pandas.DataFrame' }],
      lost: [{ name: 'gen', type: 'generator', reason: 'cannot be copied' }],
      lost_count: 1,
      partial: [],
      redefined: [],
      ambient: [],
    },
  ],
};

const known = problems(400, 401, 404, 410, 429, 500, 503);

export const stateRoutes = {
  read: {
    id: 'readState',
    method: 'GET',
    url: '/sessions/:session_id/state',
    rateClass: 'list',
    summary: 'What is there of a session’s variables',
    description:
      'Kernels that hold variables now (`live`), and those whose variables are saved. Names and types are what the kernel says.',
    params: sessionParams,
    answers: { ...known, 200: json('Each kernel, live ones first.', stateList, example) },
  },
  save: {
    id: 'saveState',
    method: 'POST',
    url: '/sessions/:session_id/state',
    rateClass: 'exec',
    summary: 'Save a session’s variables now',
    description:
      'Otherwise they are saved once the session has been idle for a while. Nothing is done where no code has run since.',
    params: sessionParams,
    answers: { ...known, ...problems(408, 409, 413, 415), 200: json('What is there afterwards.', stateList, example) },
  },
  discard: {
    id: 'discardState',
    method: 'DELETE',
    url: '/sessions/:session_id/state',
    rateClass: 'list',
    summary: 'Remove a session’s saved variables',
    description: 'Variables of live kernels stay, and are saved again after the next code.',
    params: sessionParams,
    answers: { ...known, 204: { description: 'Nothing is saved.' } },
  },
} satisfies Record<string, Route>;
