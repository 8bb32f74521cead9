/** The chart with the version of the service as its own. */
export function chartWithVersion(text, version) {
  return text.replace(/^version: .*$/m, `version: ${version}`).replace(/^appVersion: .*$/m, `appVersion: ${version}`);
}

/**
 * The changelog with a date for a version that had none. A patch release has the heading of its own version, a minor one may have the
 * short form: `## 0.2 (unreleased)` becomes `## 0.2.0 (2026-12-01)`.
 * @throws Error when no heading of the version is there
 */
export function changelogWithVersion(text, version, date) {
  const short = version.replace(/\.0$/, '');
  const heading = [version, short].map((name) => `## ${name} (unreleased)`).find((line) => text.includes(`${line}\n`));
  if (!heading) throw new Error(`CHANGELOG.md has no "## ${short} (unreleased)"`);
  return text.replace(heading, `## ${version} (${date})`);
}

/** The manifest of the client with the version of the service. */
export function clientWithVersion(text, version) {
  return text.replace(/^ {2}"version": ".*"/m, `  "version": "${version}"`);
}

/** The lock file with the version of the client; npm writes that of the service itself. */
export function lockWithVersion(text, version) {
  const lock = JSON.parse(text);
  lock.packages.client.version = version;
  return `${JSON.stringify(lock, null, 2)}\n`;
}
