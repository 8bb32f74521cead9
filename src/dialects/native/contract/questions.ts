import { problems, type Route } from '../../../http/index.ts';
import { completeness, completions } from '../answers.ts';
import { completionBody, isCompleteBody, sessionParams } from '../wire.ts';
import { json, jsonBody } from './shared.ts';

/** What a kernel says about code that is being written. */

const asking = problems(400, 401, 404, 408, 410, 413, 415, 429, 500, 503);

export const questionRoutes = {
  complete: {
    id: 'completeCode',
    method: 'POST',
    url: '/sessions/:session_id/complete',
    rateClass: 'list',
    summary: 'Ask a kernel how code could go on',
    description: 'The code does not run. While the session runs something else the answer is 429.',
    params: sessionParams,
    body: jsonBody(completionBody, { language: 'python', code: 'import math; math.sq', cursor: 20 }),
    answers: {
      ...asking,
      200: json('What the part from `start` to `end` could be.', completions, {
        matches: ['sqrt'],
        start: 18,
        end: 20,
      }),
    },
  },
  isComplete: {
    id: 'isCodeComplete',
    method: 'POST',
    url: '/sessions/:session_id/is_complete',
    rateClass: 'list',
    summary: 'Ask a kernel whether code is whole',
    description:
      'As a prompt does after each line. The code does not run. While the session runs something else the answer is 429.',
    params: sessionParams,
    body: jsonBody(isCompleteBody, { language: 'python', code: 'for x in y:' }),
    answers: { ...asking, 200: json('Whether it is.', completeness, { status: 'incomplete', indent: '    ' }) },
  },
} satisfies Record<string, Route>;
