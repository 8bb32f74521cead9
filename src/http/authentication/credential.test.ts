import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, test } from 'vitest';
import { readCredential } from './credential.ts';

const read = (headers: IncomingHttpHeaders, pathKey?: string) => readCredential({ headers, pathKey });
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
const key = (secret: string) => ({ secret, isBearer: false });

describe('every form of credential', () => {
  test.each<[string, IncomingHttpHeaders, string | undefined]>([
    ['x-api-key', { 'x-api-key': 's3cret' }, undefined],
    ['x-api-key with spaces around', { 'x-api-key': ' s3cret ' }, undefined],
    ['api-key', { 'api-key': 's3cret' }, undefined],
    ['basic: password', { authorization: basic('user:s3cret') }, undefined],
    ['basic: user name, empty password', { authorization: basic('s3cret:') }, undefined],
    ['basic in lower case', { authorization: basic(':s3cret').replace('Basic', 'basic') }, undefined],
    ['path', {}, 's3cret'],
  ])('%s', (_, headers, pathKey) => expect(read(headers, pathKey)).toEqual(key('s3cret')));

  test('bearer', () => {
    expect(read({ authorization: 'Bearer s3cret' })).toEqual({ secret: 's3cret', isBearer: true });
    expect(read({ authorization: 'bearer  s3cret' })).toEqual({ secret: 's3cret', isBearer: true });
  });

  test('basic: a password may hold colons', () => expect(read({ authorization: basic('u:a:b') })).toEqual(key('a:b')));

  test('none', () => {
    expect(read({})).toBeUndefined();
    expect(read({ 'x-api-key': '', 'api-key': ' ', authorization: '' })).toBeUndefined();
  });
});

describe('several credentials', () => {
  test('the same secret in several places is one', () => {
    expect(read({ 'x-api-key': 'a', 'api-key': 'a', authorization: 'Bearer a' }, 'a')).toEqual({
      secret: 'a',
      isBearer: true,
    });
  });

  test.each<[IncomingHttpHeaders, string | undefined]>([
    [{ 'x-api-key': 'a', authorization: 'Bearer b' }, undefined],
    [{ 'x-api-key': 'a', 'api-key': 'b' }, undefined],
    [{ 'x-api-key': 'a', authorization: basic(':b') }, undefined],
    [{ authorization: 'Bearer a' }, 'b'],
    [{ 'x-api-key': 'a' }, 'b'],
  ])('%j and the path key %s are ambiguous', (headers, pathKey) => {
    expect(() => read(headers, pathKey)).toThrow(
      expect.objectContaining({ code: 'ambiguous_credentials', message: 'Ambiguous authentication headers' }),
    );
  });
});

test.each(['Bearer', 'Bearer ', 'Digest abc', 'Bearer a b', 'Basic !!!', basic('nocolon'), basic(':'), 'abc'])(
  'the Authorization header %j is refused',
  (authorization) => {
    expect(() => read({ authorization })).toThrow(expect.objectContaining({ code: 'unauthorized' }));
  },
);
