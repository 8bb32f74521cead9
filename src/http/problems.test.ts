import { describe, expect, test } from 'vitest';
import { DragomanError, type ErrorCode, errorCatalogue } from '../core/index.ts';
import { problemBody, problemOf } from './problems.ts';

describe('problemOf', () => {
  test.each(Object.keys(errorCatalogue) as ErrorCode[])('%s has a status of an error and a sentence', (code) => {
    const { status, message } = problemOf(new DragomanError(code));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(message).toBe(errorCatalogue[code].text);
  });

  test("takes over the HTTP layer's refusals, in our words where theirs repeat the address", () => {
    const refusal = (code: string, statusCode: number) => Object.assign(new Error('/k/secret'), { code, statusCode });
    expect(problemOf(refusal('FST_ERR_CTP_BODY_TOO_LARGE', 413))).toMatchObject({ code: 'too_large', status: 413 });
    expect(problemOf(refusal('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415))).toMatchObject({
      code: 'invalid_request',
      status: 415,
      message: expect.stringContaining('application/json'),
    });
    expect(problemOf(refusal('FST_ERR_BAD_URL', 400)).message).not.toContain('secret');
  });

  test('tells nothing of any other error', () => {
    for (const error of [
      new TypeError('secret'),
      Object.assign(new Error('secret'), { statusCode: 404 }),
      'secret',
      null,
      undefined,
    ]) {
      expect(problemOf(error)).toMatchObject({ code: 'internal', status: 500, message: 'Internal server error.' });
    }
  });

  test('a caller who left is not our fault', () => {
    expect(problemOf(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))).toMatchObject({ code: 'cancelled' });
  });
});

test('problemBody', () => {
  const body = (error: DragomanError) => problemBody(problemOf(error));
  expect(body(new DragomanError('unauthorized', { message: 'Invalid API key' }))).toEqual({ error: 'Invalid API key' });
  expect(body(new DragomanError('overloaded'))).toEqual({
    error: 'overloaded',
    message: 'No capacity is free at the moment.',
  });
  expect(body(new DragomanError('rate_limited', { retryAfterSeconds: 7 }))).toEqual({
    error: 'rate_limited',
    message: 'Too many requests.',
    retry_after_seconds: 7,
  });
});
