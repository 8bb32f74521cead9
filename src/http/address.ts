/** A request's target, read. */
export interface Address {
  /** Path and query to route by: without repeated slashes in the path, and without the key prefix. */
  readonly url: string;
  /** The key of a `/k/<key>/…` path, percent-decoded where it can be. */
  readonly key: string | undefined;
}

/**
 * Reads a request target before it is routed. Dot segments are not resolved and nothing else is decoded: a path that hides
 * something matches no route.
 */
export function readAddress(target: string): Address {
  const fromRoot = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '');
  const end = fromRoot.search(/[?#]/);
  const path = (end < 0 ? fromRoot : fromRoot.slice(0, end)).replace(/\/{2,}/g, '/');
  const rest = end < 0 ? '' : fromRoot.slice(end);
  const [prefix, key] = /^\/k\/([^/]+)/.exec(path) ?? [];
  if (prefix === undefined) return { url: path + rest, key: undefined };
  return { url: (path.slice(prefix.length) || '/') + rest, key: decoded(key!) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
