/** Settings of the host's apt that decide whether a mirror can be reached and is believed to be current. */
const carried = [
  /^Acquire::(http|https|ftp|socks)::/,
  /^Acquire::(Check-Valid-Until|Check-Date|Max-ValidTime|Min-ValidTime|Max-FutureTime)(::|$)/,
  /^Acquire::(Retries|ForceIPv4|ForceIPv6|Queue-Mode|By-Hash)$/,
];

/**
 * Picks from the output of `apt-config dump Acquire` what another apt needs to reach the same mirror: proxies, certificates,
 * time-outs, clock checks. What loosens the check of signatures is never carried over.
 * @returns apt options, one setting each
 */
export function mirrorSettings(dump: string): string[] {
  return dump.split('\n').flatMap((line) => {
    const match = /^(Acquire::\S+) "([^"]+)";$/.exec(line.trim());
    if (!match?.[1] || !carried.some((pattern) => pattern.test(match[1] as string))) return [];
    return [`${match[1]} "${match[2]}"`];
  });
}
