import type { Readdressed } from '../../http/index.ts';

/** Where the routes of this API are mounted. Its clients leave the prefix out. */
export const prefix = '/e2b';
/** Below it stand the id and the port of a sandbox, then a path inside it. */
export const inside = `${prefix}/sandbox`;
export const envdPort = 49_983;
export const interpreterPort = 49_999;
/** In place of the id, where the address of a signed file does not tell it. */
const unknownId = '-';

const hostName = /^(\d{1,5})-([a-z0-9]+)\./i;
const control =
  /^(?:\/v[23])?\/(?:sandboxes|snapshots|templates|volumes|secrets|teams|nodes|api-keys|access-tokens)(?=[/?#]|$)/;

/**
 * Takes what is for a sandbox: its id and port stand in headers or in the host name, its path may be one of another API. The headers
 * count before the host name.
 */
export function readdressToSandbox({ headers, url, shown }: Readdressed): string | undefined {
  const id = single(headers['e2b-sandbox-id']);
  const port = single(headers['e2b-sandbox-port']) ?? String(envdPort);
  if (id !== undefined) return `${inside}/${label(id)}/${label(port)}${shown}`;
  const [, hostPort, hostId] = hostName.exec(single(headers.host) ?? '') ?? [];
  if (hostId !== undefined) return `${inside}/${hostId.toLowerCase()}/${hostPort}${shown}`;
  if (/^\/files\?/.test(url) && /[?&]signature=v1_/.test(url)) return `${inside}/${unknownId}/${envdPort}${url}`;
  return undefined;
}

/** Takes the routes of the control plane. */
export const readdressControl = ({ url }: Readdressed) => (control.test(url) ? prefix + url : undefined);

/** What may be a segment of a path; anything else names no sandbox. */
const label = (text: string) => (/^[A-Za-z0-9]{1,64}$/.test(text) ? text : 'none');

const single = (header: string | string[] | undefined) => (Array.isArray(header) ? header[0] : header);
