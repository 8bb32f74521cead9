import { type FastifyInstance, fastify } from 'fastify';
import { describe, expect, it, test } from 'vitest';
import { z } from 'zod';
import { DragomanError, type ErrorCode, errorCatalogue } from '../../core/index.ts';
import type { Problem } from '../../http/index.ts';
import { invalid, notFound, registerErrorFormat } from './errors.ts';
import { parse, queryList } from './parse.ts';

const statuses: Partial<Record<ErrorCode, number>> = {
  internal: 500,
  conflict: 409,
  session_expired: 410,
  unauthorized: 401,
};

const problem = (error: unknown): Problem => {
  const { code = 'internal', message } = error as { code?: ErrorCode; message: string };
  return { code, message, status: statuses[code] ?? 400, retryAfterSeconds: undefined };
};

async function failing(error: Error) {
  const app: FastifyInstance = fastify();
  registerErrorFormat(app, { problem });
  app.get('/', async () => {
    throw error;
  });
  const answer = await app.inject('/');
  return { status: answer.statusCode, body: answer.json(), retry: answer.headers['x-should-retry'] };
}

describe('an error', () => {
  it.each(Object.keys(errorCatalogue) as ErrorCode[])('of %s has all four keys', async (code) => {
    const { body } = await failing(new DragomanError(code));
    expect(Object.keys(body.error).toSorted()).toEqual(['code', 'message', 'param', 'type']);
    expect(body.error.message).toEqual(expect.any(String));
  });

  it('names the field it is about', async () => {
    expect(await failing(invalid('No.', 'tools[0].container', 'nope'))).toEqual({
      status: 400,
      body: { error: { message: 'No.', type: 'invalid_request_error', param: 'tools[0].container', code: 'nope' } },
      retry: 'false',
    });
  });

  it('tells clients not to try again what a second try cannot mend', async () => {
    expect((await failing(notFound('gone'))).retry).toBe('false');
    expect(await failing(new DragomanError('conflict'))).toMatchObject({ status: 400, retry: 'false' });
    expect((await failing(new DragomanError('internal'))).retry).toBeUndefined();
  });

  it('says of an expired session what clients match', async () => {
    const { status, body } = await failing(new DragomanError('session_expired'));
    expect([status, body.error.message]).toEqual([400, 'Container is expired.']);
  });

  it('is called what the provider calls it', async () => {
    const refused = new DragomanError('invalid_request', { foreignCode: 'context_length_exceeded' });
    expect((await failing(refused)).body.error.code).toBe('context_length_exceeded');
    expect((await failing(new DragomanError('upstream_failed', { lasting: true }))).retry).toBe('false');
  });

  it('calls a bad key by its code', async () => {
    expect((await failing(new DragomanError('unauthorized'))).body.error.code).toBe('invalid_api_key');
  });
});

describe('parse', () => {
  const schema = z.object({
    tools: z
      .array(
        z.object({
          type: z.literal('code_interpreter'),
          container: z.union([z.string(), z.object({ type: z.enum(['auto']) })]),
        }),
      )
      .min(1)
      .max(2),
    choice: z.union([z.enum(['a', 'b']), z.object({ name: z.string() })]).optional(),
    part: z
      .discriminatedUnion('type', [
        z.object({ type: z.literal('x').optional() }),
        z.object({ type: z.enum(['y', 'z']) }),
      ])
      .optional(),
    number: z.int().min(1).max(9).optional(),
    share: z.number().max(1.5).optional(),
    pairs: z.record(z.string().max(3), z.string().max(3)).optional(),
    named: z.string().regex(/^a$/, 'must be an a').optional(),
  });
  const tools = [{ type: 'code_interpreter', container: 'c' }];
  const faultOf = (value: unknown) => {
    try {
      parse(schema, value);
    } catch (error) {
      return error;
    }
  };

  it.each([
    [{ tools: 'x' }, 'tools', 'invalid_type', 'expected an array, but got a string instead'],
    [{}, 'tools', 'missing_required_parameter', "Missing required parameter: 'tools'."],
    [{ tools: [{ type: 'code_interpreter' }] }, 'tools[0].container', 'missing_required_parameter', 'Missing'],
    [
      { tools: [{ type: 'code_interpreter', container: { type: 'manual' } }] },
      'tools[0].container.type',
      'invalid_value',
      "Supported values are: 'auto'.",
    ],
    [
      { tools: [{ type: 'code_interpreter', container: 5 }] },
      'tools[0].container',
      'invalid_type',
      'expected a string or an object, but got an integer instead',
    ],
    [{ tools: { length: { valueOf: 1 } } }, 'tools', 'invalid_type', 'an object'],
    [{ tools: [] }, 'tools', 'empty_array', 'array too short. Expected an array with minimum length 1.'],
    [{ tools: [...tools, ...tools, ...tools] }, 'tools', 'array_above_max_length', 'maximum length 2'],
    [{ tools, choice: 'c' }, 'choice', 'invalid_value', "Supported values are: 'a' and 'b'."],
    [{ tools, choice: null }, 'choice', 'invalid_type', 'but got null instead'],
    [{ tools, part: { type: 'w' } }, 'part.type', 'invalid_value', "Supported values are: 'x', 'y' and 'z'."],
    [{ tools, number: 1.5 }, 'number', 'invalid_type', 'expected an integer, but got a number instead'],
    [{ tools, number: 0 }, 'number', 'integer_below_min_value', 'Expected a value >= 1.'],
    [{ tools, number: 10 }, 'number', 'integer_above_max_value', 'Expected a value <= 9.'],
    [{ tools, share: 1.75 }, 'share', 'decimal_above_max_value', 'Expected a value <= 1.5.'],
    [{ tools, pairs: { long: 'x' } }, 'pairs', 'string_above_max_length', "Invalid key in 'pairs': string too long."],
    [{ tools, pairs: { a: 'long' } }, 'pairs.a', 'string_above_max_length', 'maximum length 3'],
    [{ tools, named: 'b' }, 'named', 'invalid_value', "Invalid value for 'named': must be an a."],
  ])('tells the fault of %j in OpenAI’s words', (value, param, wireCode, words) => {
    const message = expect.stringContaining(words);
    expect(faultOf(value)).toMatchObject({ param, wireCode, message, code: 'invalid_request' });
  });

  it('names fields briefly', () => {
    const { param } = faultOf({ tools, pairs: { ['k'.repeat(3)]: 5 } }) as { param: string };
    expect(param).toBe('pairs.kkk');
    const long = z.record(z.string(), z.string());
    expect(() => parse(long, { ['k'.repeat(5000)]: 5 })).toThrow(/^Invalid type for '.{256}': expected a string/);
  });

  it('refuses what is no object at all', () => {
    const message = 'Invalid type for the body: expected an object, but got null instead.';
    expect(faultOf(null)).toMatchObject({ param: null, code: 'invalid_request', wireCode: 'invalid_type', message });
    expect(faultOf([])).toMatchObject({ code: 'invalid_request', wireCode: 'invalid_type' });
  });
});

test.each([
  [{ 'include[]': ['a', 'b'] }, ['a', 'b']],
  [{ 'include[]': 'a' }, ['a']],
  [{ include: ['a', 'b'] }, ['a', 'b']],
  [{ include: 'a,b' }, ['a', 'b']],
  [{}, []],
])('queryList reads %j', (query, members) => {
  expect(queryList(query, 'include')).toEqual(members);
});
