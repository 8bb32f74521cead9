import { expect, it } from 'vitest';
import { Refusal } from '../../assistant/index.ts';
import { DragomanError, errorCatalogue } from '../../core/index.ts';
import { problemOf } from '../../http/index.ts';
import { errorAnswer, invalid, unknownAddress } from './errors.ts';

const answerTo = (error: unknown) => {
  const { status, body, retry } = errorAnswer(error, problemOf(error), 'r');
  expect(body).toMatchObject({ type: 'error', request_id: 'req_r' });
  return [status, body.error.type, body.error.message, body.error.details, retry];
};
const id = 'x'.repeat(21);

it.each([
  [invalid('tools.0', 'No.'), [400, 'invalid_request_error', 'tools.0: No.', undefined, false]],
  [
    invalid('thread', 'No.', { error_code: 'thread_unsupported_request', unsupported: [] }),
    [400, 'invalid_request_error', 'thread: No.', { error_code: 'thread_unsupported_request', unsupported: [] }, false],
  ],
  [new DragomanError('unauthorized'), [401, 'authentication_error', expect.any(String), undefined, false]],
  [new DragomanError('forbidden'), [403, 'permission_error', expect.any(String), undefined, false]],
  [new DragomanError('model_not_found', { message: 'm' }), [404, 'not_found_error', 'm', undefined, false]],
  [
    new DragomanError('session_expired'),
    [400, 'invalid_request_error', expect.stringContaining('expired'), undefined, false],
  ],
  [new DragomanError('too_large'), [413, 'request_too_large', expect.any(String), undefined, false]],
  [
    new DragomanError('quota_exceeded'),
    [400, 'invalid_request_error', expect.any(String), { error_code: 'storage_quota_exceeded' }, false],
  ],
  [new DragomanError('rate_limited'), [429, 'rate_limit_error', expect.any(String), undefined, true]],
  [new DragomanError('conflict'), [400, 'invalid_request_error', expect.any(String), undefined, false]],
  [new DragomanError('overloaded'), [529, 'overloaded_error', expect.any(String), undefined, true]],
  [new DragomanError('upstream_failed'), [502, 'api_error', expect.any(String), undefined, true]],
  [
    new DragomanError('upstream_failed', { message: 'late', cause: new DOMException('late', 'TimeoutError') }),
    [504, 'timeout_error', 'late', undefined, true],
  ],
  [new Error('the inside story'), [500, 'api_error', 'Internal server error.', undefined, true]],
  [
    new Refusal('session_not_found', 'No.', { id: ` ${id}` }),
    [404, 'not_found_error', `container: '${id}' was not found.`, undefined, false],
  ],
  [
    new Refusal('session_not_found', 'No.', { id }),
    [404, 'not_found_error', `container: 'container_${id}' was not found.`, undefined, false],
  ],
  [
    new Refusal('file_not_found', 'No.', { id: ` ${id}`, where: 'id' }),
    [404, 'not_found_error', `File not found: ${id}.`, undefined, false],
  ],
  [
    new Refusal('file_not_found', 'No.', { id, where: 'messages.0.content.1.file_id' }),
    [404, 'not_found_error', `messages.0.content.1.file_id: File not found: file_${id}.`, undefined, false],
  ],
  [
    new Refusal('file_not_found', 'No.', { id, where: 'id', isExpired: true }),
    [404, 'not_found_error', `File has expired: file_${id}.`, { error_code: 'file_expired' }, false],
  ],
])('words an error: %s', (error, answer) => {
  expect(answerTo(error)).toEqual(answer);
});

it('has a status for every code, and clients repeat none that a second try cannot mend', () => {
  for (const code of Object.keys(errorCatalogue) as (keyof typeof errorCatalogue)[]) {
    const [status, type, , , retry] = answerTo(new DragomanError(code)) as [number, string, string, unknown, boolean];
    expect(status).toBeGreaterThanOrEqual(400);
    expect(type).toMatch(/_error$|^request_too_large$/);
    const isRepeated = status === 408 || status === 409 || status === 429 || status >= 500;
    expect([code, isRepeated]).toEqual([code, retry]);
  }
});

it('answers unknown addresses of its clients, and of others where they are its own', () => {
  const ask = (path: string, headers = {}) => unknownAddress({ method: 'GET', path, headers, id: 'r' });
  expect(ask('/v1/messages/batches')?.body).toMatchObject({ error: { type: 'not_found_error' } });
  expect(ask('/v1/skills', { 'anthropic-version': '2023-06-01' })?.headers).toMatchObject({ 'request-id': 'req_r' });
  expect(ask('/v1/skills')).toBeUndefined();
});
