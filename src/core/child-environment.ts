/** What programs of the host need to run at all. */
const basics = ['PATH', 'LANG', 'LC_ALL', 'TZ'];
/** What programs that fetch and build packages take from the operator besides: where to fetch from and how. */
const fetching = [
  /^(?:https?|ftp|all|no)_proxy$/i,
  /^(?:npm_config|PIP|UV|CARGO|GO)[_A-Z]/i,
  /^(?:HOME|USER|LOGNAME|TMPDIR|TERM|XDG_CONFIG_HOME|XDG_CACHE_HOME)$/,
  /^(?:SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|APT_CONFIG)$/,
];

/**
 * The environment of a child process: never the service's own, which holds its secrets and stays readable in /proc for the user
 * that the child runs as. `run` is for children beside sandboxes; `fetch` is for set-up and image builds, which follow the
 * operator's proxies and package settings. No setting of the service itself is in either.
 */
export function childEnvironment(kind: 'run' | 'fetch', from: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const isPassed = (name: string) =>
    basics.includes(name) || (kind === 'fetch' && fetching.some((pattern) => pattern.test(name)));
  return Object.fromEntries(Object.entries(from).filter(([name]) => isPassed(name) && !name.startsWith('DRAGOMAN_')));
}
