/** The target of a request, taken apart. */
export interface Address {
  /** Path and query to route by: no repeated slashes in the path, no key prefix, no `/v1`. */
  readonly url: string;
  /** The same with its `/v1`, if it came with one: what a message to the caller may repeat. */
  readonly shown: string;
  /** The key of a `/k/<key>/…` path, percent-decoded if possible. */
  readonly key: string | undefined;
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
 */
export function readAddress(target: string): Address {
  const fromRoot = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '');
  const end = fromRoot.search(/[?#]/);
  const path = (end < 0 ? fromRoot : fromRoot.slice(0, end)).replace(/\/{2,}/g, '/');
  const rest = end < 0 ? '' : fromRoot.slice(end);
  const [prefix = '', key] = /^\/k\/([^/]+)/.exec(path) ?? [];
  const withoutKey = path.slice(prefix.length) || '/';
  const withoutVersion = withoutKey.replace(/^\/v1(?=\/|$)/, '') || '/';
  return { url: withoutVersion + rest, shown: withoutKey + rest, key: key === undefined ? undefined : decoded(key) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
