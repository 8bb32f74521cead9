import type { IncomingHttpHeaders } from 'node:http';
import { type Presented, wantsSocket } from './credential.ts';

/** The cookie of a browser that is signed in. Browsers send the first over TLS alone, and let no other host set it. */
const names = ['__Host-dragoman_ui', 'dragoman_ui'] as const;

/** The secret of a browser that is signed in; undefined: none came. Two that differ count as none. */
export function signInSecret({ cookie }: IncomingHttpHeaders): string | undefined {
  const values = new Set<string>();
  for (const pair of (cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, at).trim();
    if (names.some((known) => known === name)) values.add(pair.slice(at + 1).trim());
  }
  const [secret] = values;
  return values.size === 1 && /^[A-Za-z0-9_-]{43}$/.test(secret!) ? secret : undefined;
}

/** Sets the cookie for `seconds`; without a secret it is removed. */
export function signInCookies(headers: IncomingHttpHeaders, secret: string | undefined, seconds: number): string[] {
  const isSecure = headers.origin?.startsWith('https://') ?? false;
  const rest = `Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
  if (secret === undefined) return names.map((name) => `${name}=; Max-Age=0; ${rest}`);
  return [`${names[isSecure ? 0 : 1]}=${secret}; Max-Age=${seconds}; ${rest}`];
}

/**
 * Whether a request can only come from a page of this service, or from an address that its user opened. A page of another origin
 * cannot set `x-dragoman-ui`, and browsers say where a request comes from wherever the connection is encrypted or local.
 */
export function isOwnPage({ method, headers }: Pick<Presented, 'method' | 'headers'>): boolean {
  const { host, origin } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) return false;
  // Browsers name the page that opens a WebSocket, and let no page set a header of it.
  if (wantsSocket(headers)) return origin !== undefined;
  return method === 'GET' || method === 'HEAD' || headers['x-dragoman-ui'] === '1';
}
