import type { Readdressed } from '../../http/index.ts';

/** Where the routes of this API are mounted. Its own clients leave the prefix out. */
export const prefix = '/opensandbox';

const paths = /^\/(?:sandboxes|snapshots|templates|diagnostics|pools|metrics\/events)(?=[/?#]|$)/;

/**
 * Takes `/v1/sandboxes…`, and the same without `/v1` where the request shows a key as this API's clients do: E2B has `/sandboxes` as
 * well. Below `/opensandbox` a `/v1` is optional.
 */
export function readdress({ headers, url, shown }: Readdressed): string | undefined {
  if (url.startsWith(`${prefix}/v1/`)) return prefix + url.slice(`${prefix}/v1`.length);
  if (!paths.test(url)) return undefined;
  const hasOwnKey = headers['open-sandbox-api-key'] !== undefined && headers['x-api-key'] === undefined;
  return hasOwnKey || shown.startsWith('/v1/') ? prefix + url : undefined;
}
