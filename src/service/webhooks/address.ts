import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { DragomanError } from '../../core/index.ts';

/** Addresses that are no public ones: this machine's, private networks', documentation's, and those that hide another address. */
const v4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24'],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3'],
];
/** Of IPv6 only 2000::/3 is public, without these. */
const v6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const notPublic = new BlockList();
for (const [family, networks] of [['ipv4', v4] as const, ['ipv6', v6] as const])
  for (const network of networks) {
    const [address, bits] = network.split('/');
    notPublic.addSubnet(address!, Number(bits), family);
  }
const publicV6 = new BlockList();
publicV6.addSubnet('2000::', 3, 'ipv6');

/** Whether an IP address is on the public Internet. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return !notPublic.check(address, 'ipv4');
  return version === 6 && publicV6.check(address, 'ipv6') && !notPublic.check(address, 'ipv6');
}

const refusal = (host: string) =>
  new DragomanError('forbidden', {
    message: `${host} is no public address; DRAGOMAN_WEBHOOK_PRIVATE=true allows it.`,
  });

/** @throws DragomanError forbidden for a host that is an IP address and no public one: no name is looked up for it */
export function checkHost({ hostname }: URL): void {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw refusal(host);
}

/**
 * Looks a name up as the connection does, and refuses it where any of its addresses is no public one. The connection goes to what was
 * checked, so a name that answers differently a moment later changes nothing.
 */
export const lookupPublic: LookupFunction = (host, options, done) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return done(error, []);
    const [first] = addresses;
    if (!first || !addresses.every(({ address }) => isPublicAddress(address))) return done(refusal(host), []);
    if (options.all) done(null, addresses);
    else done(null, first.address, first.family);
  });
};
