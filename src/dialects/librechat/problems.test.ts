import { expect, test } from 'vitest';
import type { ErrorCode } from '../../core/index.ts';
import { problemAnswer } from './problems.ts';

test.each<[ErrorCode, number, object]>([
  ['invalid_request', 400, { error: 'why' }],
  ['unsupported_language', 400, { error: 'why' }],
  ['unauthorized', 401, { error: 'why' }],
  ['ambiguous_credentials', 400, { error: 'Ambiguous authentication headers' }],
  ['file_refused', 403, { error: 'Unauthorized file reference' }],
  ['not_found', 404, { error: 'why' }],
  ['body_timeout', 408, { error: 'why' }],
  ['too_large', 413, { error: 'why' }],
  ['upload_timeout', 504, { error: 'why' }],
  ['rate_limited', 429, { error: 'rate_limited', message: 'why' }],
  ['overloaded', 503, { error: 'overloaded', message: 'why' }],
  ['sandbox_unavailable', 503, { error: 'sandbox_setup_failed', message: 'why' }],
  ['storage_unavailable', 503, { error: 'storage_unavailable', message: 'why' }],
  ['shutting_down', 503, { error: 'sandbox_setup_failed', message: 'why' }],
  ['cancelled', 499, { error: 'why' }],
  ['internal', 500, { error: 'Internal server error' }],
])('%s is answered with %i', (code, status, body) => {
  expect(problemAnswer({ code, status: 0, message: 'why', retryAfterSeconds: undefined })).toEqual({ status, body });
});

test('says when to come back, in the key the client reads', () => {
  const problem = { code: 'rate_limited', status: 429, message: 'why', retryAfterSeconds: 7 } as const;
  expect(problemAnswer(problem).body).toEqual({ error: 'rate_limited', message: 'why', retry_after_seconds: 7 });
});

test('keeps a refusal of the HTTP layer permanent, whatever its status', () => {
  const problem = { code: 'invalid_request', status: 415, message: 'why', retryAfterSeconds: undefined } as const;
  expect(problemAnswer(problem).status).toBe(400);
});
