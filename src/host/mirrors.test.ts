import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type AptSource, parseOneLineSources } from './apt-sources.ts';
import { debianKeyring, mirrorCandidates } from './mirrors.ts';
import { parseOsRelease } from './os-release.ts';

const debian = parseOsRelease('ID=debian\nVERSION_CODENAME=bookworm');
const uris = (mirrors: { uri: string }[]) => mirrors.map(({ uri }) => uri);

it('takes the mirrors of a Debian host first, each once, and the public servers last', () => {
  const sources = parseOneLineSources(`
deb [signed-by=/etc/apt/keyrings/own.gpg] https://mirror.example/debian bookworm main
deb https://mirror.example/debian bookworm-updates main
deb https://mirror.example/debian-security bookworm-security main
deb https://vendor.example/apt bookworm stable
deb https://deb.debian.org/debian stable main
deb https://packages.example/cloud cloud-bookworm main
deb cdrom:[Debian]/ bookworm main
`);
  const { archive, security } = mirrorCandidates(sources, debian);
  expect(uris(archive)).toEqual([
    'https://mirror.example/debian',
    'https://deb.debian.org/debian',
    'http://deb.debian.org/debian',
  ]);
  expect(archive[0]?.keyring).toBe('/etc/apt/keyrings/own.gpg');
  expect(archive[1]?.keyring).toBe(debianKeyring);
  expect(uris(security)).toEqual(['https://mirror.example/debian-security', 'http://deb.debian.org/debian-security']);
});

it('does not look for Debian in the sources of another distribution', () => {
  const ubuntu = parseOsRelease('ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble');
  const sources = parseOneLineSources(
    'deb http://archive.example/ubuntu noble main\ndeb http://third.example stable main',
  );
  expect(uris(mirrorCandidates(sources, ubuntu).archive)).toEqual(['http://deb.debian.org/debian']);
});

it('reads the list of servers that cloud images name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mirrors-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'list'), '# servers\nhttps://cloud.example/debian\thigh\nhttps://other.example/debian\n');
  const source = (uri: string): AptSource => ({ uris: [uri], suites: ['bookworm'], components: ['main'] });
  const sources = [source(`mirror+file://${join(folder, 'list')}`), source('mirror+file:/does/not/exist')];
  expect(uris(mirrorCandidates(sources, debian).archive)).toEqual([
    'https://cloud.example/debian',
    'http://deb.debian.org/debian',
  ]);
});
