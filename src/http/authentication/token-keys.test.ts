import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Logger } from '../../core/index.ts';
import { localTokenKeys, remoteTokenKeys, type TokenKeys } from './token-keys.ts';

const ed25519 = generateKeyPairSync('ed25519');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const weakRsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const pem = (key: KeyObject) => key.export({ type: key.type === 'public' ? 'spki' : 'pkcs8', format: 'pem' }) as string;
const jwk = (key: KeyObject, more: object = {}) => ({ ...key.export({ format: 'jwk' }), ...more });

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const find = async (keys: TokenKeys, kid: string, alg = 'EdDSA') =>
  keys.find({ kid, alg }, { payload: '', signature: '' });

let directory: string;
let now = 0;
beforeEach(async () => {
  now = 0;
  directory = await mkdtemp(join(tmpdir(), 'token-keys-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function local(content: string | Record<string, string>): Promise<TokenKeys> {
  const path = join(directory, 'keys');
  if (typeof content === 'string') await writeFile(path, content);
  else {
    await mkdir(path, { recursive: true });
    for (const [name, text] of Object.entries(content)) await writeFile(join(path, name), text);
  }
  const keys = localTokenKeys(path, () => now, silent);
  await keys.start();
  return keys;
}

describe('local keys', () => {
  test('a PEM file holds the one key, whatever a token calls it; a private key gives its public half', async () => {
    for (const key of [ed25519.publicKey, ed25519.privateKey]) {
      const found = (await find(await local(pem(key)), 'anything')) as KeyObject;
      expect(found.type).toBe('public');
      expect(found.equals(ed25519.publicKey)).toBe(true);
    }
  });

  test('a JWKS names its keys; one name may stand for an Ed25519 and an RSA key', async () => {
    const keys = await local(
      JSON.stringify({
        keys: [
          jwk(ed25519.publicKey, { kid: 'a' }),
          jwk(rsa.publicKey, { kid: 'a', alg: 'RS256' }),
          jwk(rsa.publicKey, { kid: 'encryption', use: 'enc' }),
          jwk(rsa.publicKey, { kid: 'other-alg', alg: 'PS256' }),
          jwk(rsa.publicKey),
        ],
      }),
    );
    expect(((await find(keys, 'a')) as KeyObject).asymmetricKeyType).toBe('ed25519');
    expect(((await find(keys, 'a', 'RS256')) as KeyObject).asymmetricKeyType).toBe('rsa');
    for (const kid of ['encryption', 'other-alg', 'unknown'])
      await expect(find(keys, kid, 'RS256')).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  });

  test('a directory names keys by their files', async () => {
    const secret = Buffer.alloc(32, 1).toString('base64url');
    const keys = await local({
      'one.pem': pem(ed25519.publicKey),
      'two.jwk': JSON.stringify(jwk(rsa.privateKey, { kid: 'ignored' })),
      'three.json': JSON.stringify({ kty: 'oct', k: secret }),
      'notes.txt': 'not a key',
    });
    await find(keys, 'one');
    expect(((await find(keys, 'two', 'RS256')) as KeyObject).type).toBe('public');
    expect(((await find(keys, 'three', 'HS256')) as KeyObject).type).toBe('secret');
    await expect(find(keys, 'ignored', 'RS256')).rejects.toThrow();
    await expect(find(keys, 'one', 'HS256')).rejects.toThrow();
  });

  test.each([
    ['nothing usable', '{"keys":[]}'],
    ['a short RSA key', pem(weakRsa.publicKey)],
    ['a short secret', JSON.stringify({ kty: 'oct', k: 'c2hvcnQ' })],
    ['an elliptic curve', pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)],
    ['garbage', 'garbage'],
    ['broken JSON', '{'],
  ])('%s ends the start', async (_, content) => {
    await expect(local(content)).rejects.toThrow('keys that verify tokens cannot be read from');
  });

  test('a broken file is not repeated', async () => {
    const error = await local('{"kty":"oct","k":"secret').catch((reason: Error) => reason);
    expect(error).toMatchObject({ message: expect.stringContaining('not valid JSON') });
    expect(String((error as Error).cause)).not.toContain('secret');
  });

  test('a file that is missing ends the start', async () => {
    await expect(localTokenKeys(join(directory, 'none'), () => 0, silent).start()).rejects.toThrow('cannot be read');
  });

  test('a new key is found without a restart, but not more often than every ten seconds', async () => {
    const keys = await local({ 'one.pem': pem(ed25519.publicKey) });
    await writeFile(join(directory, 'keys', 'two.pem'), pem(ed25519.publicKey));
    await expect(find(keys, 'two')).rejects.toThrow();
    now += 11_000;
    await find(keys, 'two');
  });

  test('a clock that was set back keeps no removed key and no new one out', async () => {
    const keys = await local({ 'one.pem': pem(ed25519.publicKey) });
    await rm(join(directory, 'keys', 'one.pem'));
    await writeFile(join(directory, 'keys', 'two.pem'), pem(ed25519.publicKey));
    now -= 3_600_000;
    await find(keys, 'two');
    await expect(find(keys, 'one')).rejects.toThrow();
  });

  test('a removed key dies within ten minutes; unreadable keys leave the former ones', async () => {
    const keys = await local({ 'one.pem': pem(ed25519.publicKey), 'two.pem': pem(ed25519.publicKey) });
    await rm(join(directory, 'keys', 'two.pem'));
    now += 601_000;
    await expect(find(keys, 'two')).rejects.toThrow();
    await rm(join(directory, 'keys'), { recursive: true });
    now += 601_000;
    await find(keys, 'one');
  });
});

describe('a JWKS behind a URL', () => {
  let server: Server;
  let answer: { status: number; body: string };
  let url: URL;
  beforeEach(async () => {
    answer = { status: 200, body: JSON.stringify({ keys: [jwk(ed25519.publicKey, { kid: 'a' })] }) };
    server = createServer((_, response) => response.writeHead(answer.status).end(answer.body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`);
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  test('is fetched again when the clock was set back', async () => {
    const keys = remoteTokenKeys(url, () => now);
    await find(keys, 'a');
    answer.body = JSON.stringify({ keys: [jwk(ed25519.publicKey, { kid: 'b' })] });
    await expect(find(keys, 'b')).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
    now -= 3_600_000;
    await find(keys, 'b');
    await expect(find(keys, 'a')).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  });

  test('is fetched when first needed', async () => {
    const keys = remoteTokenKeys(url, () => now);
    await keys.start();
    await find(keys, 'a');
    await expect(find(keys, 'b')).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  });

  test.each([
    [500, '{}'],
    [200, 'not json'],
    [200, '{"no":"keys"}'],
  ])('an answer of %i %s is our fault, and the next try may work', async (status, body) => {
    const good = answer;
    answer = { status, body };
    const keys = remoteTokenKeys(url, () => now);
    await expect(find(keys, 'a')).rejects.toMatchObject({ code: 'internal' });
    answer = good;
    await find(keys, 'a');
  });

  test('a shared secret is never taken from there', async () => {
    answer.body = JSON.stringify({ keys: [{ kty: 'oct', k: Buffer.alloc(32).toString('base64url'), kid: 'a' }] });
    await expect(
      find(
        remoteTokenKeys(url, () => now),
        'a',
        'HS256',
      ),
    ).rejects.toMatchObject({ code: 'ERR_JOSE_NOT_SUPPORTED' });
  });
});
