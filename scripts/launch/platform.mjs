import { existsSync, readFileSync } from 'node:fs';

/** Says that this Node is older than a major version, if it is. @param {number} needed */
export function nodeFault(needed) {
  const [major = 0] = process.versions.node.split('.').map(Number);
  return major < needed
    ? `Node ${process.versions.node} is too old to start with: ${needed} or newer is needed.`
    : undefined;
}

/** The reason why Dragoman cannot run on this machine, if there is one; checked before anything is downloaded. */
export function platformFault() {
  const fault = nodeFault(20);
  if (fault) return fault;
  if (process.platform !== 'linux')
    return `Dragoman runs on Linux, not on ${process.platform}: its sandboxes are made of Linux namespaces.`;
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    return `Dragoman runs on x64 and arm64 processors, not on ${process.arch}.`;
  if (!isDebianFamily() && !existsSync('/usr/bin/bwrap'))
    return [
      'This is neither Debian nor Ubuntu, so Dragoman cannot install the packages it needs.',
      'Install these with the package manager of this distribution and start again:',
      '  bubblewrap: makes the sandboxes',
      '  mmdebstrap and debian-archive-keyring: build the image sandboxes run from',
      '  uidmap (newuidmap, newgidmap): when not run as root',
    ].join('\n');
  return undefined;
}

function isDebianFamily() {
  try {
    const release = readFileSync('/etc/os-release', 'utf8');
    const names = [...release.matchAll(/^(?:ID|ID_LIKE)="?([^"\n]*)"?$/gm)].flatMap(([, value]) => value.split(' '));
    return names.includes('debian') || names.includes('ubuntu');
  } catch {
    return false;
  }
}
