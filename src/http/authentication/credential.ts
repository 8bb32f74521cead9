import type { IncomingHttpHeaders } from 'node:http';
import { DragomanError } from '../../core/index.ts';

/** What a request shows of its caller: headers, and what is in its address. */
export interface Presented {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** The key of a `/k/<key>/…` address. */
  readonly pathKey: string | undefined;
  /** At an address of a dialect that takes tokens: `?token=`. */
  readonly queryToken?: string | undefined;
  /** The address is of a dialect that takes tokens: `Authorization: token …` counts. */
  readonly takesTokens?: boolean | undefined;
}

/** One secret, however it came. */
export interface Credential {
  readonly secret: string;
  /** It came as `Authorization: Bearer`, the only place a token may be. */
  readonly isBearer: boolean;
}

/**
 * Finds the one credential of a request; undefined when there is none. The same secret in several places is one.
 * @throws DragomanError ambiguous_credentials when two differ; unauthorized when an Authorization header cannot be read
 */
export function readCredential({
  headers,
  pathKey,
  queryToken,
  takesTokens = false,
}: Omit<Presented, 'method'>): Credential | undefined {
  const { authorization } = headers;
  const fromHeader = authorization ? readAuthorization(authorization, takesTokens) : undefined;
  const ofHeaders = ['x-api-key', 'api-key', 'open-sandbox-api-key'].map((name) => single(headers[name]));
  const secrets = [fromHeader?.secret, ...ofHeaders, pathKey, queryToken].filter(Boolean);
  const [secret] = secrets;
  if (secrets.some((other) => other !== secret))
    throw new DragomanError('ambiguous_credentials', { message: 'Ambiguous authentication headers' });
  return secret === undefined ? undefined : { secret, isBearer: fromHeader?.isBearer ?? false };
}

function readAuthorization(header: string, takesTokens: boolean): Credential | undefined {
  // Clients without a token send the word alone, or `None`.
  if (takesTokens && /^(?:token|bearer)(?: +(?:None)?)? *$/i.test(header)) return undefined;
  const [, scheme, value] = /^([a-z]+) +(\S+) *$/i.exec(header) ?? [];
  if (value !== undefined) {
    const isToken = takesTokens && scheme!.toLowerCase() === 'token';
    if (isToken || scheme!.toLowerCase() === 'bearer') return { secret: value, isBearer: true };
    const secret = scheme!.toLowerCase() === 'basic' ? basicSecret(value) : undefined;
    if (secret) return { secret, isBearer: false };
  }
  throw new DragomanError('unauthorized', { message: 'Invalid Authorization header' });
}

/** Whether a request asks to become a WebSocket: pages of any origin can, so its `Origin` counts as that of a request that changes something. */
export function wantsSocket({ upgrade }: IncomingHttpHeaders): boolean {
  return upgrade?.toLowerCase() === 'websocket';
}

/** The password, or the user name when the password is empty: clients differ in where they put a lone key. */
function basicSecret(value: string): string | undefined {
  const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(value, 'base64').toString()) ?? [];
  return password || user;
}

const single = (header: string | string[] | undefined) => (Array.isArray(header) ? header.join() : header)?.trim();
