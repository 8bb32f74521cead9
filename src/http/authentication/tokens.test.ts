import { createHmac, createSecretKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { DragomanError } from '../../core/index.ts';
import type { TokenAlgorithm, TokenKeys } from './token-keys.ts';
import { type TokenRules, tokenVerifier } from './tokens.ts';

const now = 1_800_000_000;
const kid = 'lc-codeapi-2026-05';
const ed25519 = generateKeyPairSync('ed25519');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const shared = createSecretKey(randomBytes(32));

const goodClaims = {
  iss: 'librechat',
  aud: 'codeapi',
  sub: '65f0c0ffee',
  iat: now,
  nbf: now,
  exp: now + 300,
  jti: 'token-1',
  principal_source: 'librechat_jwt',
  auth_context_hash: 'c0ffee',
};
const rules: TokenRules = {
  issuer: 'librechat',
  audience: 'codeapi',
  algorithms: ['EdDSA', 'RS256'],
  requireTenant: false,
};

const publicKeys: Record<TokenAlgorithm, KeyObject> = { EdDSA: ed25519.publicKey, RS256: rsa.publicKey, HS256: shared };
const keys: TokenKeys = { start: async () => {}, find: async ({ alg }) => publicKeys[alg as TokenAlgorithm] };
const plans = new Set(['default', 'small']);
const verifier = (more: Partial<TokenRules> = {}) =>
  tokenVerifier({ ...rules, ...more }, keys, plans, () => now * 1000);

function mint(
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  key: KeyObject = ed25519.privateKey,
): Promise<string> {
  const payload = JSON.parse(JSON.stringify({ ...goodClaims, ...claims }));
  return new SignJWT(payload)
    .setProtectedHeader(JSON.parse(JSON.stringify({ alg: 'EdDSA', kid, typ: 'JWT', ...header })))
    .sign(key);
}

async function refusal(token: string, more: Partial<TokenRules> = {}): Promise<string> {
  const error = await verifier(more)(token).then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(DragomanError);
  expect(error).toMatchObject({ code: 'unauthorized', message: 'Invalid bearer token' });
  return (error.cause as Error).message;
}

let good: string;
beforeAll(async () => {
  good = await mint();
});

describe('accepted', () => {
  test('a token without a tenant belongs to legacy', async () => {
    expect(await verifier()(good)).toEqual({
      id: 'jwt:legacy:65f0c0ffee',
      tenant: 'jwt:legacy',
      name: '65f0c0ffee',
      authContext: 'c0ffee',
    });
  });

  test('a tenant', async () => {
    expect(await verifier({ requireTenant: true })(await mint({ tenant_id: 'acme' }))).toEqual({
      id: 'jwt:acme:65f0c0ffee',
      tenant: 'jwt:acme',
      name: '65f0c0ffee',
      authContext: 'c0ffee',
    });
  });

  test('no pair of tenant and subject spells another', async () => {
    const one = await verifier()(await mint({ tenant_id: 'a:b', sub: 'c' }));
    const other = await verifier()(await mint({ tenant_id: 'a', sub: 'b:c' }));
    expect(one.id).not.toBe(other.id);
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['audience in a list', { aud: ['other', 'codeapi'] }, {}],
    ['other principal source', { principal_source: 'openid_reuse' }, {}],
    ['no typ', {}, { typ: undefined }],
    ['expired within the skew', { iat: now - 300, nbf: now - 300, exp: now - 29 }, {}],
    ['issued ahead within the skew', { iat: now + 29, nbf: now + 29, exp: now + 300 }, {}],
    ['claims we do not use', { role: 'USER', plan_id: 'pro', org_id: 'o', future: { a: 1 } }, {}],
  ])('%s', async (_, claims, header) => {
    await expect(verifier()(await mint(claims, header))).resolves.toBeDefined();
  });

  test('RS256, and HS256 when listed', async () => {
    await verifier()(await mint({}, { alg: 'RS256' }, rsa.privateKey));
    await verifier({ algorithms: ['HS256'] })(await mint({}, { alg: 'HS256' }, shared));
  });
});

describe('refused for a claim', () => {
  test.each<[string, Record<string, unknown>]>([
    ['iss', { iss: 'other' }],
    ['iss', { iss: undefined }],
    ['aud', { aud: 'other' }],
    ['aud', { aud: [] }],
    ['aud', { aud: undefined }],
    ['sub', { sub: undefined }],
    ['sub', { sub: '' }],
    ['sub', { sub: 'a\u0000b' }],
    ['sub', { sub: '\ud800' }],
    ['sub', { sub: 'x'.repeat(257) }],
    ['iat', { iat: undefined }],
    ['iat', { iat: '1800000000' }],
    ['iat', { iat: now + 31, exp: now + 300 }],
    ['nbf', { nbf: undefined }],
    ['nbf', { nbf: now + 31 }],
    ['exp', { exp: undefined }],
    ['exp', { iat: now - 300, exp: now - 30 }],
    ['exp', { iat: now + 10, exp: now + 10 }],
    ['exp', { exp: now + 301 }],
    ['jti', { jti: undefined }],
    ['jti', { jti: '' }],
    ['jti', { jti: 'x'.repeat(257) }],
    ['jti', { jti: 7 }],
    ['principal_source', { principal_source: undefined }],
    ['principal_source', { principal_source: 'api_key' }],
    ['auth_context_hash', { auth_context_hash: undefined }],
    ['auth_context_hash', { auth_context_hash: '' }],
    ['tenant_id', { tenant_id: '' }],
    ['tenant_id', { tenant_id: 5 }],
  ])('%s: %j', async (claim, claims) => {
    expect(await refusal(await mint(claims))).toBe(`claim ${claim}`);
  });

  test('no tenant where one is required', async () => {
    expect(await refusal(good, { requireTenant: true })).toBe('claim tenant_id');
  });
});

describe('refused for its header or signature', () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

  test('no kid, a strange typ', async () => {
    expect(await refusal(await mint({}, { kid: undefined }))).toBe('no kid');
    expect(await refusal(await mint({}, { typ: 'at+jwt' }))).toBe('typ');
  });

  test('a critical extension', async () => {
    const header = encode({ alg: 'EdDSA', kid, crit: ['exp'], exp: 1 });
    await refusal(`${header}.${good.split('.')[1]}.${good.split('.')[2]}`);
  });

  test('signed by another key, changed afterwards, or cut off', async () => {
    await refusal(await mint({}, {}, generateKeyPairSync('ed25519').privateKey));
    const [header, , signature] = good.split('.');
    await refusal(`${header}.${encode({ ...goodClaims, sub: 'admin' })}.${signature}`);
    await refusal(`${header}.${good.split('.')[1]}.`);
  });

  test.each(['..', 'a.b.c', '.e30.', 'é.é.é', `${Buffer.from('{').toString('base64url')}.e30.x`])(
    'not a token: %s',
    async (token) => {
      await refusal(token);
    },
  );

  test('alg none, and HS256 with a public key as the secret', async () => {
    await refusal(`${encode({ alg: 'none', kid })}.${encode(goodClaims)}.`);
    const signed = `${encode({ alg: 'HS256', kid })}.${encode(goodClaims)}`;
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
    await refusal(`${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`);
  });

  test('HS256 unless listed', async () => {
    expect(await refusal(await mint({}, { alg: 'HS256' }, shared))).toBe('ERR_JOSE_ALG_NOT_ALLOWED');
  });
});

test('keys that cannot be had are our fault', async () => {
  const find = async () => {
    throw new DragomanError('internal');
  };
  const verify = tokenVerifier(rules, { start: async () => {}, find }, plans, () => now * 1000);
  await expect(verify(good)).rejects.toMatchObject({ code: 'internal' });
});

test.each([
  ['small', 'small'],
  ['unknown', undefined],
  [7, undefined],
  [undefined, undefined],
])('the claim plan_id %j gives the plan %j', async (claimed, plan) => {
  expect((await verifier()(await mint({ plan_id: claimed }))).plan).toBe(plan);
});
