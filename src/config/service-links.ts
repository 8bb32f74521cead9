/** `DRAGOMAN_SERVICE_HOST`, `DRAGOMAN_PORT_8080_TCP_ADDR`, `DRAGOMAN_GATEWAY_PORT` … */
const linkName = /^DRAGOMAN(_[A-Z0-9]+)*_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_\d+_(TCP|UDP|SCTP)(_.+)?)?)$/;
const linkUrl = /^(tcp|udp|sctp):\/\//;

/**
 * Removes the variables that Kubernetes sets in every pod for a Service whose name begins with `dragoman`. One of them has the name of
 * a setting: `DRAGOMAN_PORT=tcp://10.0.0.1:8080`; it stays when its value is not such an address.
 */
export function withoutServiceLinks(
  variables: Readonly<Record<string, string>>,
  inKubernetes: boolean,
): { kept: Readonly<Record<string, string>>; ignored: readonly string[] } {
  const isLink = ([name, value]: [string, string]) =>
    inKubernetes && linkName.test(name) && (name !== 'DRAGOMAN_PORT' || linkUrl.test(value));
  const entries = Object.entries(variables);
  return {
    kept: Object.fromEntries(entries.filter((entry) => !isLink(entry))),
    ignored: entries.filter(isLink).map(([name]) => name),
  };
}
