import {
  DragomanError,
  isLoopbackHost,
  type Logger,
  type Plans,
  type Principal,
  secretHash,
} from '../../core/index.ts';
import type { SignIns } from '../../service/index.ts';
import { type ApiKeyOptions, keyLookup } from './api-keys.ts';
import { type Credential, type Presented, readCredential, wantsSocket } from './credential.ts';
import { isOwnPage, signInSecret } from './sign-in-cookie.ts';
import type { TokenKeySource } from './token-keys.ts';
import type { TokenRules } from './tokens.ts';

/** Tells who asks. */
export interface Authenticator {
  /** Reads the keys that verify tokens. @throws Error when local ones cannot be read */
  start(): Promise<void>;
  /** @throws DragomanError unauthorized, ambiguous_credentials */
  authenticate(presented: Presented): Promise<Principal>;
  /**
   * Who asks, where that is known without looking anything up; undefined: `authenticate` finds out.
   * @throws DragomanError as `authenticate`
   */
  known(presented: Presented): Principal | undefined;
  /** Accepts an API key alone, in every mode: for what belongs to operators. @throws DragomanError as `authenticate` */
  authenticateKey(presented: Presented): Promise<Principal>;
  /**
   * Tells who asks for what belongs to keys with the right `admin`, which the caller still has to check. An API key counts in every
   * mode, but not in an address, where it could be read later. In open mode one who shows none is the same as everywhere.
   * @throws DragomanError as `authenticate`
   */
  authenticateOperator(presented: Presented): Promise<Principal>;
  /** The principal of the API key with this hash. @throws DragomanError unauthorized, also where keys are not accepted */
  authenticateHash(hash: string): Promise<Principal>;
  /** Principals of the keys of the configuration. */
  readonly configured: readonly Principal[];
  /** Looks keys up anew: one was changed or revoked. */
  forgetKeys(): void;
  /** Whether callers need no credential. */
  readonly isOpen: boolean;
}

export interface AuthenticatorOptions {
  readonly mode: 'keys' | 'jwt' | 'keys+jwt' | 'open';
  /** Keys of the configuration. */
  readonly keys: ApiKeyOptions['configured'];
  readonly findKey: ApiKeyOptions['findKey'];
  /** `keys` must be set when the mode accepts tokens. */
  readonly jwt: TokenRules & { readonly keys: TokenKeySource | undefined };
  /** Browsers that are signed in with an API key; absent: none can be. */
  readonly signIns?: Pick<SignIns, 'find'> | undefined;
  readonly plans: Pick<Plans, 'has'>;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
}

const everyone: Principal = Object.freeze({ id: 'open', tenant: 'open', name: 'open' });

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { mode, keys, findKey, signIns, jwt, plans, clock = Date.now } = options;
  const lookup = keyLookup({ configured: keys, findKey, plans, clock });
  const acceptsTokens = mode.includes('jwt');
  if (acceptsTokens && !jwt.keys) throw new Error('tokens are accepted but there are no keys to verify them');
  const tokens = acceptsTokens ? openTokens(jwt, jwt.keys!, options, clock) : undefined;
  const principalOfToken = tokens && (async (token: string) => (await tokens).principalOf(token));

  const byKey = ({ secret }: Credential) => byHash(secretHash(secret));
  const byHash = async (hash: string): Promise<Principal> => {
    const principal = await lookup.find(hash);
    if (!principal) throw new DragomanError('unauthorized', { message: 'Invalid API key' });
    return principal;
  };
  const isTokenOf = ({ isBearer, secret }: Credential) =>
    principalOfToken !== undefined && isBearer && (mode === 'jwt' || isToken(secret));
  const byCredential = async (credential: Credential): Promise<Principal> => {
    if (isTokenOf(credential)) return principalOfToken!(credential.secret);
    if (mode === 'jwt') throw new DragomanError('unauthorized', { message: 'A bearer token is required' });
    return byKey(credential);
  };
  /** A browser that is signed in, if that is who asks. It lasts no longer than the key it signed in with. */
  const bySignIn = async (presented: Presented): Promise<Principal | undefined> => {
    const secret = signInSecret(presented.headers);
    if (secret === undefined || !signIns || !mode.includes('keys')) return undefined;
    if (!isOwnPage(presented))
      throw new DragomanError('unauthorized', { message: 'A sign-in counts for pages of this service alone.' });
    const found = await signIns.find(secret);
    return found && lookup.find(found.keyHash);
  };
  const authenticate = async (presented: Presented): Promise<Principal> => {
    if (mode !== 'open') {
      const credential = readCredential(presented);
      const signedIn = credential ? undefined : await bySignIn(presented);
      return signedIn ?? byCredential(required(presented));
    }
    refuseForeignPages(presented);
    return everyone;
  };
  return {
    isOpen: mode === 'open',
    configured: lookup.configured,
    forgetKeys: lookup.forget,
    start: async () => (await tokens)?.keys.start(),
    authenticate,
    known: (presented) => {
      const credential = mode.includes('keys') ? readCredential(presented) : undefined;
      return credential && !isTokenOf(credential) ? lookup.known(secretHash(credential.secret)) : undefined;
    },
    authenticateOperator: async (presented) => {
      if (presented.pathKey !== undefined)
        throw new DragomanError('unauthorized', {
          message: 'Send the key in a header: here none counts in an address.',
        });
      const credential = readCredential(presented);
      if (!credential) return authenticate(presented);
      return principalOfToken && isToken(credential.secret) ? byCredential(credential) : byKey(credential);
    },
    authenticateKey: async (presented) => byKey(required(presented)),
    authenticateHash: async (hash) => {
      if (!mode.includes('keys'))
        throw new DragomanError('unauthorized', {
          message: 'This service accepts tokens alone, so no key can sign in.',
        });
      return byHash(hash);
    },
  };
}

/** What verifies tokens is loaded where tokens are accepted: it takes 5 MiB. */
async function openTokens(
  rules: TokenRules,
  source: TokenKeySource,
  { plans, logger }: Pick<AuthenticatorOptions, 'plans' | 'logger'>,
  clock: () => number,
) {
  const [{ localTokenKeys, remoteTokenKeys }, { tokenVerifier }] = await Promise.all([
    import('./token-keys.ts'),
    import('./tokens.ts'),
  ]);
  const keys = 'url' in source ? remoteTokenKeys(source.url, clock) : localTokenKeys(source.path, clock, logger);
  return { keys, principalOf: tokenVerifier(rules, keys, plans, clock) };
}

function required(presented: Presented): Credential {
  const credential = readCredential(presented);
  if (!credential) throw new DragomanError('unauthorized');
  return credential;
}

const isToken = (secret: string) => /^[^.]*\.[^.]*\.[^.]*$/.test(secret);

/**
 * Open access is for this machine, and a web page in its browser must not use it. So the host that was asked for has to be a
 * loopback one, in case a page has its own host name resolve to a loopback address; and a request that may change something
 * must not come from a page of another origin.
 */
function refuseForeignPages({ method, headers }: Presented): void {
  const { host, origin } = headers;
  if (host !== undefined && !isLoopbackHost(host.replace(/:\d+$/, '')))
    throw new DragomanError('unauthorized', { message: 'Without credentials, only loopback host names are answered.' });
  if ((method === 'GET' || method === 'HEAD') && !wantsSocket(headers)) return;
  const isForeign = origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
  if (isForeign || headers['sec-fetch-site'] === 'cross-site')
    throw new DragomanError('unauthorized', { message: 'Without credentials, pages of other origins are refused.' });
}
