/** The target of a request, taken apart. */
export interface Address {
  /** Path and query to route by: no repeated slashes in the path, no key prefix, no `/v1`. */
  readonly url: string;
  /** The same with its `/v1`, if it came with one: what a message to the caller may repeat. */
  readonly shown: string;
  /** The key of a `/k/<key>/…` path, percent-decoded if possible. */
  readonly key: string | undefined;
  /** Below a prefix that takes tokens: what `?token=` said. It is in neither address. */
  readonly token: string | undefined;
  readonly takesTokens: boolean;
}

declare module 'http' {
  interface IncomingMessage {
    /** Set before routing. */
    address?: Address;
  }
}

/**
 * Reads a request target before it is routed. `/v1` in front of a path is optional: it is removed once, here, so every route
 * is mounted once. Dot segments stay and nothing but the key is decoded: a path that hides something matches no route.
 * @param tokenPrefixes below these, `?token=` is a credential
 */
export function readAddress(target: string, tokenPrefixes: readonly string[] = []): Address {
  const fromRoot = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '');
  const end = fromRoot.search(/[?#]/);
  const path = (end < 0 ? fromRoot : fromRoot.slice(0, end)).replace(/\/{2,}/g, '/');
  const rest = end < 0 ? '' : fromRoot.slice(end);
  const [prefix = '', key] = /^\/k\/([^/]+)/.exec(path) ?? [];
  const withoutKey = path.slice(prefix.length) || '/';
  const withoutVersion = withoutKey.replace(/^\/v1(?=\/|$)/, '') || '/';
  const takesTokens = tokenPrefixes.some((each) => withoutVersion === each || withoutVersion.startsWith(`${each}/`));
  const { token, left } = takesTokens ? withoutToken(rest) : { token: undefined, left: rest };
  return {
    url: withoutVersion + left,
    shown: withoutKey + left,
    key: key === undefined ? undefined : decoded(key),
    token,
    takesTokens,
  };
}

/** Takes the token out of a query, however often it is there: the first one counts. */
function withoutToken(query: string): { token: string | undefined; left: string } {
  const [search = '', ...fragment] = query.split('#');
  const pairs = search.slice(1).split('&');
  const token = pairs.find((pair) => pair.startsWith('token='))?.slice('token='.length);
  const others = pairs.filter((pair) => !pair.startsWith('token=') && pair !== '').join('&');
  const left = (others === '' ? '' : `?${others}`) + fragment.map((part) => `#${part}`).join('');
  return { token: token === undefined || token === '' ? undefined : decoded(token), left };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
