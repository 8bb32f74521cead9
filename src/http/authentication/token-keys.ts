import { createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { DragomanError, type Logger } from '../../core/index.ts';

export type TokenAlgorithm = 'EdDSA' | 'RS256' | 'HS256';

/** Where the keys that verify tokens come from: a JWKS to fetch, or a file or directory. */
export type TokenKeySource = { readonly url: URL } | { readonly path: string };

/** The keys that verify tokens. */
export interface TokenKeys {
  /** Reads local keys, so that a fault in them ends the start. @throws Error */
  start(): Promise<void>;
  /** @throws jose's errors for a token without a key; DragomanError internal when keys cannot be had */
  readonly find: JWTVerifyGetKey;
}

interface TokenKey {
  /** Undefined: the only key there is, whatever a token calls it. */
  readonly kid: string | undefined;
  readonly algorithm: TokenAlgorithm;
  readonly key: KeyObject;
}

const fetchTimeoutMs = 5000;
const reloadCooldownMs = 10_000;
const reloadAfterMs = 600_000;

/** Keys of a JWKS behind a URL: fetched when first needed, again after ten minutes or when a token names an unknown key. */
export function remoteTokenKeys(url: URL, clock: () => number): TokenKeys {
  const find = createRemoteJWKSet(url, {
    timeoutDuration: fetchTimeoutMs,
    cooldownDuration: reloadCooldownMs,
    cacheMaxAge: reloadAfterMs,
  });
  let seenAt = clock();
  return {
    start: async () => {},
    find: async (header, token) => {
      try {
        // The library goes by the time of day: set back an hour, that would keep former keys for an hour more.
        const isSetBack = clock() < seenAt - reloadCooldownMs;
        seenAt = clock();
        if (isSetBack) await find.reload();
        return await find(header, token);
      } catch (cause) {
        const callersFault = cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JOSENotSupported;
        throw callersFault ? cause : new DragomanError('internal', { message: 'Token keys cannot be fetched.', cause });
      }
    },
  };
}

/**
 * Keys of a JWKS, JWK or PEM file, or of a directory of `<kid>.pem`, `<kid>.jwk` or `<kid>.json`. Read again after ten
 * minutes or when a token names an unknown key; when that fails the former keys stay.
 */
export function localTokenKeys(path: string, clock: () => number, logger: Logger): TokenKeys {
  let keys: readonly TokenKey[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  const reload = () => {
    readAt = clock();
    reading ??= readKeys(path)
      .then((read) => {
        keys = read;
      })
      .catch((err) => logger.warn({ err }, 'token keys cannot be read again; the former ones stay'))
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };
  return {
    async start() {
      keys = await readKeys(path).catch((cause) => {
        const reason = cause instanceof Error ? cause.message : 'unknown';
        throw new Error(`keys that verify tokens cannot be read from ${path}: ${reason}`, { cause });
      });
      readAt = clock();
    },
    async find({ kid, alg }) {
      const match = () => keys.find((key) => key.algorithm === alg && (key.kid === undefined || key.kid === kid))?.key;
      // A clock that was set back tells nothing: then keys are old.
      const age = clock() < readAt ? Number.POSITIVE_INFINITY : clock() - readAt;
      if (age > reloadAfterMs || (age > reloadCooldownMs && !match())) await reload();
      const key = match();
      if (!key) throw new errors.JWKSNoMatchingKey();
      return key;
    },
  };
}

async function readKeys(path: string): Promise<TokenKey[]> {
  if (!(await stat(path)).isDirectory()) return usable(path, parseKeys(await readFile(path, 'utf8'), undefined));
  const keys: TokenKey[] = [];
  for (const file of await readdir(path)) {
    const { name: kid, ext } = parse(file);
    if (!['.pem', '.jwk', '.json'].includes(ext)) continue;
    keys.push(...usable(file, parseKeys(await readFile(join(path, file), 'utf8'), kid)));
  }
  return usable(path, keys);
}

function usable(name: string, keys: TokenKey[]): TokenKey[] {
  if (keys.length === 0)
    throw new Error(
      `${name} holds no Ed25519, RSA (2048 bits or more) or symmetric key (256 bits or more) for signatures`,
    );
  return keys;
}

/** One file's keys. `kid` is the name its place gives the key; a JWKS names its keys itself. */
function parseKeys(text: string, kid: string | undefined): TokenKey[] {
  if (!text.trimStart().startsWith('{')) return tokenKey(createPublicKey(text), kid);
  const json = parseJson(text) as JsonWebKey & { keys?: JsonWebKey[] };
  if (json.keys) return json.keys.flatMap((jwk) => (jwk.kid === undefined ? [] : jwkKey(jwk, String(jwk.kid))));
  return jwkKey(json, kid ?? (json.kid === undefined ? undefined : String(json.kid)));
}

/** `JSON.parse` would repeat a part of the text, which may be a secret. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('not valid JSON');
  }
}

function jwkKey(json: JsonWebKey, kid: string | undefined): TokenKey[] {
  if (json.use !== undefined && json.use !== 'sig') return [];
  const isSymmetric = json.kty === 'oct' && typeof json.k === 'string';
  if (!isSymmetric && json.kty !== 'OKP' && json.kty !== 'RSA') return [];
  const key = isSymmetric
    ? createSecretKey(Buffer.from(json.k!, 'base64url'))
    : createPublicKey({ key: json, format: 'jwk' });
  return tokenKey(key, kid).filter(({ algorithm }) => json.alg === undefined || json.alg === algorithm);
}

function tokenKey(key: KeyObject, kid: string | undefined): TokenKey[] {
  const algorithm = algorithmOf(key);
  return algorithm ? [{ kid, algorithm, key }] : [];
}

/**
 * The algorithm follows from the key, never from the token, so that a public key cannot pass for a shared secret. Keys that
 * are too short for it have none.
 */
function algorithmOf(key: KeyObject): TokenAlgorithm | undefined {
  if (key.type === 'secret') return (key.symmetricKeySize ?? 0) >= 32 ? 'HS256' : undefined;
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  return key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
    ? 'RS256'
    : undefined;
}
