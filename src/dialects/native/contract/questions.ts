import { z } from 'zod';
import { problems, type Route } from '../../../http/index.ts';
import { completeness, completions } from '../answers.ts';
import { completionBody, isCompleteBody, sessionParams } from '../wire.ts';
import { json, jsonBody } from './shared.ts';

/** What a kernel says about code that is being written. */

const description = z.object({ signature: z.string(), documentation: z.string() });

const variable = z
  .object({
    name: z.string(),
    kind: z.string().describe('In words: `table`, `text`, `whole number`, `object`.'),
    type: z.string().describe('Name of its class.'),
    shape: z.array(z.int()).optional(),
    preview: z.string().optional(),
    bytes: z.int().optional(),
  })
  .meta({ id: 'Variable' });

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
  inspect: {
    id: 'inspectCode',
    method: 'POST',
    url: '/sessions/:session_id/inspect',
    rateClass: 'list',
    summary: 'Ask a Python kernel what a name is',
    description:
      'The code does not run. Empty where nothing is known, for other languages, and where no kernel is live.',
    params: sessionParams,
    body: jsonBody(completionBody, { language: 'python', code: 'len(', cursor: 3 }),
    answers: {
      ...asking,
      200: json('What is known.', description, { signature: 'len(obj, /)', documentation: 'Return the number…' }),
    },
  },
  variables: {
    id: 'listVariables',
    method: 'GET',
    url: '/sessions/:session_id/variables',
    rateClass: 'list',
    summary: 'The variables of the live Python or JavaScript kernel',
    description: 'No code of their classes runs. Empty where no kernel is live, and for other languages.',
    params: sessionParams,
    query: z.object({
      language: z.string().optional().describe('`python`, which is the default, `javascript` or `typescript`.'),
    }),
    answers: {
      ...problems(400, 401, 404, 410, 429, 500, 503),
      200: json('At most 500, in the order in which they were made.', z.object({ data: z.array(variable) }), {
        data: [{ name: 'sales', kind: 'table', type: 'pandas.DataFrame', shape: [1240, 4] }],
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
