import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AptSource } from './apt-sources.ts';
import { runCommand } from './command.ts';
import type { OsRelease } from './os-release.ts';
import { SetupError } from './setup-error.ts';

/** A copy of the Debian archive. */
interface Mirror {
  uri: string;
  /** The keyring its signatures are checked against. */
  keyring: string;
}

/** Candidates, best first. */
export interface Mirrors {
  archive: Mirror[];
  security: Mirror[];
}

/** Debian's own keys: part of Debian, a package on Ubuntu. */
export const debianKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

const defaults = { archive: 'http://deb.debian.org/debian', security: 'http://deb.debian.org/debian-security' };
const rollingSuites = ['oldstable', 'stable', 'testing', 'unstable', 'sid'];
const probeDeadlineMs = 30_000;

/** Where the host, when it is Debian, takes its own packages from, and Debian's own servers after that. */
export function mirrorCandidates(sources: readonly AptSource[], host: OsRelease): Mirrors {
  const suites = host.id === 'debian' ? [host.codename, ...rollingSuites].filter(Boolean) : [];
  const matching = (suffix: string, fallback: string): Mirror[] => {
    const found = sources
      .filter((source) => source.components.includes('main'))
      .filter((source) => source.suites.some((suite) => suites.some((base) => suite === base + suffix)))
      .flatMap(({ uris, signedBy }) => uris.map((uri) => ({ uri: serverOf(uri), keyring: signedBy ?? debianKeyring })))
      .filter((mirror): mirror is Mirror => mirror.uri !== undefined);
    const all = [...found, { uri: fallback, keyring: debianKeyring }];
    return all.filter((mirror, index) => all.findIndex(({ uri }) => uri === mirror.uri) === index);
  };
  return { archive: matching('', defaults.archive), security: matching('-security', defaults.security) };
}

/**
 * Asks the candidates for the suite, in turn, and for what goes with it.
 * @returns lines of a `sources.list`: the suite, and its updates and security fixes where they can be had
 * @throws SetupError when no candidate has the suite
 */
export async function reachableSources(candidates: Mirrors, suite: string, signal?: AbortSignal): Promise<string[]> {
  const archive = await firstWith(candidates.archive, suite, suite, signal);
  if (!archive)
    throw new SetupError(
      [
        `No Debian archive with ${suite} could be reached. Tried:`,
        ...candidates.archive.map(({ uri }) => `  ${uri}`),
        'Check the network, and the proxy settings of apt (/etc/apt/apt.conf.d) or http_proxy.',
      ].join('\n'),
    );
  const updates = await firstWith([archive], `${suite}-updates`, `${suite}-updates`, signal);
  const security = await firstWith(candidates.security, `${suite}-security`, `${suite}-security`, signal);
  const line = (mirror: Mirror, name: string) => `deb [signed-by=${mirror.keyring}] ${mirror.uri} ${name} main`;
  return [
    line(archive, suite),
    ...(updates ? [line(updates, `${suite}-updates`)] : []),
    ...(security ? [line(security, `${suite}-security`)] : []),
  ];
}

async function firstWith(mirrors: readonly Mirror[], suite: string, codename: string, signal?: AbortSignal) {
  for (const mirror of mirrors) if (await serves(mirror, suite, codename, signal)) return mirror;
  return undefined;
}

/** apt's own downloader, so that the host's proxies and certificates are used. Signatures are checked when apt installs. */
async function serves(mirror: Mirror, suite: string, codename: string, signal?: AbortSignal): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'dragoman-mirror-'));
  try {
    const target = join(folder, 'InRelease');
    const uri = `${mirror.uri.replace(/\/$/, '')}/dists/${suite}/InRelease`;
    const command = ['-o', 'Acquire::Retries=1', 'download-file', uri, target];
    const { status } = await runCommand('/usr/lib/apt/apt-helper', command, { deadlineMs: probeDeadlineMs, signal });
    if (status !== 0) return false;
    const release = readFileSync(target, 'utf8');
    return /^Origin: Debian$/m.test(release) && new RegExp(`^Codename: ${codename}$`, 'm').test(release);
  } catch (error) {
    if (signal?.aborted || !(error instanceof SetupError)) throw error;
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Cloud images name a file with a list of servers; only what can be fetched over the network is of use. */
function serverOf(uri: string): string | undefined {
  if (/^https?:\/\//.test(uri)) return uri;
  const list = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(uri)?.[1];
  if (list === undefined) return undefined;
  try {
    return /^https?:\/\/\S+/m.exec(readFileSync(list, 'utf8'))?.[0];
  } catch {
    return undefined;
  }
}
