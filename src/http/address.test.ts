import { describe, expect, test } from 'vitest';
import { readAddress } from './address.ts';

describe('readAddress', () => {
  test.each<[string, string, string | undefined]>([
    ['/v1/exec', '/exec', undefined],
    ['/exec', '/exec', undefined],
    ['//v1///exec', '/exec', undefined],
    ['/exec?a=//b', '/exec?a=//b', undefined],
    ['/v1/exec?a=/v1/b', '/exec?a=/v1/b', undefined],
    ['/exec?path=/v1/b', '/exec?path=/v1/b', undefined],
    ['/v1', '/', undefined],
    ['/v1/', '/', undefined],
    ['/v1?x', '/?x', undefined],
    ['/v1#x', '/#x', undefined],
    ['/v1/v1/exec', '/v1/exec', undefined],
    ['/v1x/exec', '/v1x/exec', undefined],
    ['/v10/exec', '/v10/exec', undefined],
    ['/V1/exec', '/V1/exec', undefined],
    ['/v1%2Fexec', '/v1%2Fexec', undefined],
    ['/x/v1/exec', '/x/v1/exec', undefined],
    ['/v1/../exec', '/../exec', undefined],
    ['/', '/', undefined],
    ['*', '*', undefined],
    ['http://host:80/v1/exec', '/exec', undefined],
    ['http://host', '/', undefined],
    ['/k/secret/v1/exec?x=1', '/exec?x=1', 'secret'],
    ['//k//secret//v1//exec', '/exec', 'secret'],
    ['http://host/k/secret/exec', '/exec', 'secret'],
    ['/k/secret', '/', 'secret'],
    ['/k/secret/', '/', 'secret'],
    ['/k/secret?x', '/?x', 'secret'],
    ['/k/secret/v1', '/', 'secret'],
    ['/k/v1/exec', '/exec', 'v1'],
    ['/k/v1/v1/exec', '/exec', 'v1'],
    ['/k/a%2Fb%20c/exec', '/exec', 'a/b c'],
    ['/k/%zz/exec', '/exec', '%zz'],
    ['/k/a/k/b/exec', '/k/b/exec', 'a'],
    ['/k/../v1/exec', '/exec', '..'],
    ['/k/%2e%2e/exec', '/exec', '..'],
    ['/k/secret/../../exec', '/../../exec', 'secret'],
    ['/v1/k/secret/exec', '/k/secret/exec', undefined],
    ['/%6b/secret/exec', '/%6b/secret/exec', undefined],
    ['/K/secret/exec', '/K/secret/exec', undefined],
    ['/k', '/k', undefined],
    ['/k/', '/k/', undefined],
    ['/k/?/exec', '/k/?/exec', undefined],
  ])('routes %s', (target, url, key) => expect(readAddress(target)).toMatchObject({ url, key }));

  test.each([
    ['/v1/exec?a=1', '/v1/exec?a=1'],
    ['//exec', '/exec'],
    ['/k/secret/v1/exec?x', '/v1/exec?x'],
    ['/k/secret', '/'],
  ])('shows %s with its version and without its key', (target, shown) =>
    expect(readAddress(target)).toMatchObject({ shown }),
  );
});
