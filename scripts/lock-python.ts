// Writes the digests of archives into a requirements file of an image: `npm run lock -- images/full/python/requirements.txt`.
// Write `name==version` on a line, with the reason as a comment above it; `; platform_machine == "aarch64"` behind it where it is for
// that machine alone. The digests are replaced.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

/** An archive that pip would install, as its report tells. */
interface Report {
  install: { metadata: { name: string }; download_info: { archive_info: { hashes: { sha256: string } } } }[];
}

/** The Python of Debian trixie, and the newest C library its wheels may want. */
const python = '3.13';
const glibcMinor = 41;
const machines = ['x86_64', 'aarch64'] as const;

const file = process.argv[2];
if (!file) throw new Error('usage: npm run lock -- FILE');
/** A pin, and the machine it is for alone. */
const pinLine = /^([\w.-]+==[\w.+-]+)(?:\s*;\s*platform_machine == "(\w+)")?\s*\\?$/;
const lines = readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => !line.trimStart().startsWith('--hash='))
  .map((line) => pinLine.exec(line) ?? line);
const pinsFor = (machine: string) =>
  lines.flatMap((line) => (typeof line !== 'string' && (line[2] ?? machine) === machine ? [line[1]!] : []));
const digests = new Map(machines.map((machine) => [machine, resolve(machine)]));
writeFileSync(file, lines.map((line) => (typeof line === 'string' ? line : locked(line[1]!))).join('\n'));

/** Digest by pin; pins without a wheel for this machine are missing. */
function resolve(machine: string): Map<string, string> {
  const pins = pinsFor(machine);
  let wanted = pins;
  for (;;) {
    const platforms = [
      ...Array.from({ length: glibcMinor - 4 }, (_, at) => `manylinux_2_${glibcMinor - at}_${machine}`),
      ...['manylinux2014', 'manylinux2010', 'manylinux1', 'linux'].map((name) => `${name}_${machine}`),
    ];
    const { status, stdout, stderr } = spawnSync(
      'python3',
      [
        ...['-m', 'pip', 'install', '--dry-run', '--quiet', '--no-deps', '--ignore-installed', '--only-binary=:all:'],
        ...[
          '--disable-pip-version-check',
          '--ignore-requires-python',
          '--target=/nonexistent',
          '--implementation=cp',
          `--python-version=${python}`,
        ],
        ...platforms.map((platform) => `--platform=${platform}`),
        ...['--report=-', ...wanted],
      ],
      { encoding: 'utf8', maxBuffer: 1 << 28 },
    );
    if (status === 0) return byPin(pins, JSON.parse(stdout) as Report);
    const missing = /No matching distribution found for (\S+)/.exec(stderr)?.[1];
    if (!missing || !wanted.includes(missing)) throw new Error(stderr);
    wanted = wanted.filter((pin) => pin !== missing);
  }
}

function byPin(pins: readonly string[], report: Report): Map<string, string> {
  const byName = new Map(
    report.install.map((it) => [plain(it.metadata.name), it.download_info.archive_info.hashes.sha256]),
  );
  return new Map(
    pins.flatMap((pin) => {
      const digest = byName.get(plain(pin.split('==')[0]!));
      return digest ? [[pin, digest]] : [];
    }),
  );
}

/** Names of packages are the same whatever their case and separators. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}

function locked(pin: string): string {
  const found = machines.filter((machine) => digests.get(machine)!.has(pin));
  if (found.length === 0) throw new Error(`${pin} has no wheel`);
  const marker = found.length < machines.length ? ` ; platform_machine == "${found[0]}"` : '';
  const hashes = new Set(found.map((machine) => digests.get(machine)!.get(pin)!));
  return [`${pin}${marker}`, ...[...hashes].map((digest) => `    --hash=sha256:${digest}`)].join(' \\\n');
}
