import { type FastifyInstance, fastify } from 'fastify';
import { describe, expect, it, test } from 'vitest';
import { z } from 'zod';
import { DragomanError, type ErrorCode, errorCatalogue } from '../../core/index.ts';
import type { DialectContext, Problem } from '../../http/index.ts';
import { invalid, notFound, wordErrors } from './errors.ts';
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
  wordErrors(app, { problem } as DialectContext);
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

  it('calls a bad key by its code', async () => {
    expect((await failing(new DragomanError('unauthorized'))).body.error.code).toBe('invalid_api_key');
  });
});

describe('parse', () => {
  const schema = z.object({
    tools: z.array(
      z.object({
        type: z.literal('code_interpreter'),
        container: z.union([z.string(), z.object({ type: z.enum(['auto']) })]),
      }),
    ),
  });
  const faultOf = (value: unknown) => {
    try {
      parse(schema, value);
    } catch (error) {
      return error;
    }
  };

  it.each([
    [{ tools: 'x' }, 'tools', null],
    [{}, 'tools', 'missing_required_parameter'],
    [{ tools: [{ type: 'code_interpreter' }] }, 'tools[0].container', 'missing_required_parameter'],
    [{ tools: [{ type: 'code_interpreter', container: { type: 'manual' } }] }, 'tools[0].container.type', null],
    [{ tools: [{ type: 'code_interpreter', container: 5 }] }, 'tools[0].container', null],
    [{ tools: { length: { valueOf: 1 } } }, 'tools', null],
  ])('names the field of %j', (value, param, wireCode) => {
    expect(faultOf(value)).toMatchObject({ param, wireCode, code: 'invalid_request' });
  });

  it('refuses what is no object at all', () => {
    expect(faultOf(null)).toMatchObject({ param: null, code: 'invalid_request' });
    expect(faultOf([])).toMatchObject({ code: 'invalid_request' });
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
