/**
 * Tells whether a host name or address, as given to `listen` or found in a URL (IPv6 with or without brackets), can only
 * mean this machine. Wildcards such as `0.0.0.0` cannot.
 */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  return (
    name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(name)
  );
}
