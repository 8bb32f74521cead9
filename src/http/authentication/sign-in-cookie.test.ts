import { expect, it } from 'vitest';
import { isOwnPage, signInCookies, signInSecret } from './sign-in-cookie.ts';

const secret = 'a'.repeat(43);

it('finds the secret among other cookies; two that differ, and malformed ones, are none', () => {
  expect(signInSecret({ cookie: `x=1; dragoman_ui=${secret}` })).toBe(secret);
  expect(signInSecret({ cookie: `__Host-dragoman_ui=${secret}; dragoman_ui=${secret}` })).toBe(secret);
  expect(signInSecret({ cookie: `__Host-dragoman_ui=${secret}; dragoman_ui=${'b'.repeat(43)}` })).toBeUndefined();
  expect(signInSecret({ cookie: 'dragoman_ui=short' })).toBeUndefined();
  expect(signInSecret({})).toBeUndefined();
});

it('is for this host alone where the connection is encrypted', () => {
  const [plain] = signInCookies({ origin: 'http://host' }, secret, 60);
  expect(plain).toBe(`dragoman_ui=${secret}; Max-Age=60; Path=/; HttpOnly; SameSite=Strict`);
  const [encrypted] = signInCookies({ origin: 'https://host' }, secret, 60);
  expect(encrypted).toMatch(/^__Host-dragoman_ui=.*; Secure$/);
});

it.each([
  ['GET', {}, true],
  ['GET', { 'sec-fetch-site': 'none' }, true],
  ['GET', { 'sec-fetch-site': 'cross-site' }, false],
  ['GET', { 'sec-fetch-site': 'same-site' }, false],
  ['GET', { origin: 'null' }, false],
  ['POST', {}, false],
  ['POST', { 'x-dragoman-ui': '1' }, true],
  ['POST', { 'x-dragoman-ui': '1', origin: 'http://host' }, true],
  ['POST', { 'x-dragoman-ui': '1', origin: 'http://host:81' }, false],
])('%s with %o counts as our own page: %s', (method, headers, isOwn) => {
  expect(isOwnPage({ method, headers: { host: 'host', ...headers } })).toBe(isOwn);
});
