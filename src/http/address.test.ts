import { describe, expect, test } from 'vitest';
import { readAddress } from './address.ts';

describe('readAddress', () => {
  test.each<[string, string, string | undefined]>([
    ['/v1/exec', '/v1/exec', undefined],
    ['//v1///exec', '/v1/exec', undefined],
    ['/exec?a=//b', '/exec?a=//b', undefined],
    ['/', '/', undefined],
    ['*', '*', undefined],
    ['http://host:80/v1/exec', '/v1/exec', undefined],
    ['http://host', '', undefined],
    ['/k/secret/v1/exec?x=1', '/v1/exec?x=1', 'secret'],
    ['//k//secret//v1//exec', '/v1/exec', 'secret'],
    ['http://host/k/secret/exec', '/exec', 'secret'],
    ['/k/secret', '/', 'secret'],
    ['/k/secret/', '/', 'secret'],
    ['/k/secret?x', '/?x', 'secret'],
    ['/k/a%2Fb%20c/exec', '/exec', 'a/b c'],
    ['/k/%zz/exec', '/exec', '%zz'],
    ['/k/a/k/b/exec', '/k/b/exec', 'a'],
    ['/k/../v1/exec', '/v1/exec', '..'],
    ['/k/%2e%2e/exec', '/exec', '..'],
    ['/k/secret/../../exec', '/../../exec', 'secret'],
    ['/v1/k/secret/exec', '/v1/k/secret/exec', undefined],
    ['/%6b/secret/exec', '/%6b/secret/exec', undefined],
    ['/K/secret/exec', '/K/secret/exec', undefined],
    ['/k', '/k', undefined],
    ['/k/', '/k/', undefined],
    ['/k/?/exec', '/k/?/exec', undefined],
  ])('%s', (target, url, key) => expect(readAddress(target)).toEqual({ url, key }));
});
