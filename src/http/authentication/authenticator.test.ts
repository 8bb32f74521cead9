import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Logger } from '../../core/index.ts';
import { type AuthenticatorOptions, createAuthenticator } from './authenticator.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
let directory: string;
let token: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'authenticator-'));
  await writeFile(join(directory, 'k.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: 'u', jti: 'j', nbf: now, principal_source: 'librechat_jwt', auth_context_hash: 'h' };
  token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA', kid: 'k' })
    .setIssuer('librechat')
    .setAudience('codeapi')
    .setIssuedAt(now)
    .setExpirationTime(now + 300)
    .sign(privateKey);
});
afterAll(() => rm(directory, { recursive: true }));

async function made(
  mode: AuthenticatorOptions['mode'],
  findKey: AuthenticatorOptions['findKey'] = async () => undefined,
) {
  const authenticator = createAuthenticator({
    mode,
    keys: [
      { name: 'app', secret: 'secret' },
      { name: 'dotted', secret: 'one.dot' },
    ],
    findKey,
    jwt: {
      issuer: 'librechat',
      audience: 'codeapi',
      algorithms: ['EdDSA'],
      requireTenant: false,
      keys: { path: directory },
    },
    plans: new Set(['default']),
    logger: silent,
  });
  await authenticator.start();
  return authenticator;
}

async function authenticator(mode: AuthenticatorOptions['mode']) {
  const { authenticate } = await made(mode);
  return (headers: Record<string, string>, pathKey?: string) => authenticate({ method: 'GET', headers, pathKey });
}

const refused = { code: 'unauthorized' };

describe('keys', () => {
  test('accepts keys and nothing else', async () => {
    const authenticate = await authenticator('keys');
    expect((await authenticate({ 'x-api-key': 'secret' })).id).toBe('key:name:app');
    expect((await authenticate({}, 'secret')).id).toBe('key:name:app');
    await expect(authenticate({})).rejects.toMatchObject(refused);
    await expect(authenticate({ 'x-api-key': 'other' })).rejects.toMatchObject({
      ...refused,
      message: 'Invalid API key',
    });
    await expect(authenticate({ authorization: `Bearer ${token}` })).rejects.toMatchObject(refused);
  });
});

describe('who is known without looking up', () => {
  const shows = (secret: string) => ({ method: 'GET', headers: { 'x-api-key': secret }, pathKey: undefined });
  const bears = (secret: string) => ({
    method: 'GET',
    headers: { authorization: `Bearer ${secret}` },
    pathKey: undefined,
  });

  test('is a key of the configuration, where keys count', async () => {
    for (const mode of ['keys', 'keys+jwt'] as const) {
      const { known } = await made(mode);
      expect(known(shows('secret'))?.id).toBe('key:name:app');
      expect(known(bears('secret'))?.id).toBe('key:name:app');
      expect(known(shows('other'))).toBeUndefined();
      expect(known({ method: 'GET', headers: {}, pathKey: undefined })).toBeUndefined();
      const two = { ...shows('secret'), pathKey: 'other' };
      expect(() => known(two)).toThrow('Ambiguous');
    }
    for (const mode of ['jwt', 'open'] as const) expect((await made(mode)).known(shows('secret'))).toBeUndefined();
  });

  test('is nobody with a token, however often it was verified', async () => {
    const { known, authenticate } = await made('keys+jwt');
    expect((await authenticate(bears(token))).id).toBe('jwt:legacy:u');
    expect(known(bears(token))).toBeUndefined();
  });

  test('is a stored key that was found, until keys change', async () => {
    const { known, authenticate, forgetKeys } = await made('keys', async () => ({
      ...{ id: 'k', name: 'stored', plan: null, isAdmin: false },
    }));
    expect(known(shows('stored'))).toBeUndefined();
    await authenticate(shows('stored'));
    expect(known(shows('stored'))?.name).toBe('stored');
    forgetKeys();
    expect(known(shows('stored'))).toBeUndefined();
  });
});

describe('jwt', () => {
  test('accepts tokens and nothing else', async () => {
    const authenticate = await authenticator('jwt');
    expect((await authenticate({ authorization: `Bearer ${token}` })).id).toBe('jwt:legacy:u');
    await expect(authenticate({ 'x-api-key': 'secret' })).rejects.toMatchObject(refused);
    await expect(authenticate({ 'x-api-key': token })).rejects.toMatchObject(refused);
    await expect(authenticate({}, token)).rejects.toMatchObject(refused);
    for (const secret of ['secret', `${token.slice(0, -2)}xx`])
      await expect(authenticate({ authorization: `Bearer ${secret}` })).rejects.toMatchObject({
        ...refused,
        message: 'Invalid bearer token',
      });
  });
});

describe('keys+jwt', () => {
  test('a bearer of three segments is a token, any other a key', async () => {
    const authenticate = await authenticator('keys+jwt');
    expect((await authenticate({ authorization: `Bearer ${token}` })).id).toBe('jwt:legacy:u');
    expect((await authenticate({ authorization: 'Bearer one.dot' })).id).toBe('key:name:dotted');
    expect((await authenticate({ authorization: 'Bearer secret', 'x-api-key': 'secret' })).id).toBe('key:name:app');
    await expect(authenticate({ authorization: 'Bearer a.b.c' })).rejects.toMatchObject(refused);
    await expect(authenticate({ authorization: `Bearer ${token}`, 'x-api-key': 'secret' })).rejects.toMatchObject({
      code: 'ambiguous_credentials',
    });
  });
});

describe('open', () => {
  test('is one principal, whatever is sent', async () => {
    const authenticate = await authenticator('open');
    const everyone = { id: 'open', tenant: 'open', name: 'open' };
    expect(await authenticate({})).toEqual(everyone);
    expect(await authenticate({ 'x-api-key': 'a', authorization: 'Bearer b' }, 'c')).toEqual(everyone);
  });

  test('is not for a page whose own name resolves to this machine', async () => {
    const authenticate = await authenticator('open');
    for (const host of ['localhost:8080', '127.0.0.1', '[::1]:8080']) await authenticate({ host });
    for (const host of ['evil.example', 'evil.example:8080', '']) {
      await expect(authenticate({ host })).rejects.toMatchObject(refused);
    }
  });
});

test('an operator is known by an API key in every mode', async () => {
  for (const mode of ['keys', 'jwt', 'keys+jwt', 'open'] as const) {
    const { authenticateKey } = createAuthenticator({
      mode,
      keys: [{ name: 'app', secret: 'secret' }],
      findKey: async () => undefined,
      jwt: { issuer: 'i', audience: 'a', algorithms: ['EdDSA'], requireTenant: false, keys: { path: directory } },
      plans: new Set(['default']),
      logger: silent,
    });
    expect(
      (await authenticateKey({ method: 'GET', headers: { 'x-api-key': 'secret' }, pathKey: undefined })).name,
    ).toBe('app');
    await expect(authenticateKey({ method: 'GET', headers: {}, pathKey: undefined })).rejects.toMatchObject(refused);
    await expect(
      authenticateKey({ method: 'GET', headers: { authorization: `Bearer ${token}` }, pathKey: undefined }),
    ).rejects.toMatchObject(refused);
  }
});

describe('what belongs to keys with the right admin', () => {
  const operator = async (mode: AuthenticatorOptions['mode']) => {
    const made = createAuthenticator({
      mode,
      keys: [
        { name: 'app', secret: 'secret' },
        { name: 'ops', secret: 'ops-secret', isAdmin: true },
      ],
      findKey: async () => undefined,
      jwt: {
        issuer: 'librechat',
        audience: 'codeapi',
        algorithms: ['EdDSA'],
        requireTenant: false,
        keys: { path: directory },
      },
      plans: new Set(['default']),
      logger: silent,
    });
    await made.start();
    return (headers: Record<string, string>, pathKey?: string) =>
      made.authenticateOperator({ method: 'GET', headers, pathKey });
  };

  test.each(['keys', 'jwt', 'keys+jwt', 'open'] as const)(
    'takes keys in the mode %s, never one in an address',
    async (mode) => {
      const ask = await operator(mode);
      expect((await ask({ 'x-api-key': 'ops-secret' })).isAdmin).toBe(true);
      expect((await ask({ authorization: 'Bearer ops-secret' })).isAdmin).toBe(true);
      expect((await ask({ 'x-api-key': 'secret' })).isAdmin).toBeUndefined();
      await expect(ask({ 'x-api-key': 'wrong' })).rejects.toMatchObject(refused);
      await expect(ask({}, 'ops-secret')).rejects.toMatchObject(refused);
    },
  );

  test('a token has no rights, and neither has one who needs no credential', async () => {
    const withTokens = await operator('keys+jwt');
    expect(await withTokens({ authorization: `Bearer ${token}` })).toMatchObject({ name: 'u' });
    expect((await withTokens({ authorization: `Bearer ${token}` })).isAdmin).toBeUndefined();
    expect((await (await operator('open'))({})).isAdmin).toBeUndefined();
    await expect((await operator('open'))({ host: 'evil.example' })).rejects.toMatchObject(refused);
    await expect(withTokens({})).rejects.toMatchObject(refused);
  });
});
