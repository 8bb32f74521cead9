import { isLoopbackHost } from '../core/index.ts';

/** The servers of one NATS cluster, and who speaks to them. */
export interface NatsServers {
  /** `host:port` of each. */
  readonly servers: readonly string[];
  readonly tls: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/**
 * Reads `nats://host:4222,nats://other:4222`. A name and a password may stand before the first host.
 * @throws Error whose message goes on the name of a setting
 */
export function parseNatsUrl(text: string): NatsServers {
  const urls = text.split(',').map((each) => URL.parse(each.trim()));
  const [first] = urls;
  const isServer = (url: URL | null): url is URL =>
    (url?.protocol === 'nats:' || url?.protocol === 'tls:') && url.hostname !== '' && /^\/?$/.test(url.pathname);
  if (!first || !urls.every(isServer))
    throw new Error('must be nats://host:port or tls://host:port, several with commas between them');
  if (urls.some(({ protocol }) => protocol !== first.protocol))
    throw new Error('must have the same scheme for every server');
  const user = decodeURIComponent(first.username) || undefined;
  const password = decodeURIComponent(first.password) || undefined;
  const isTls = first.protocol === 'tls:';
  if (password !== undefined && !isTls && !urls.every(({ hostname }) => isLocal(hostname)))
    throw new Error('must begin with tls:// where it has a password, or else the network can read it');
  return { servers: urls.map(({ hostname, port }) => `${hostname}:${port || 4222}`), tls: isTls, user, password };
}

/** A host of this machine, or a name without a dot: one of a container's own network. */
function isLocal(host: string): boolean {
  return isLoopbackHost(host) || !host.replace(/^\[|\]$/g, '').match(/[.:]/);
}
