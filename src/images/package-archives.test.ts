import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { debianArchitecture, type ImageDefinition } from './image-definition.ts';
import { fetchPackages } from './package-archives.ts';

/** apt itself, against an archive on the loopback that serves, breaks off and lies as it is told. */

const architecture = debianArchitecture(process.arch);
const sizes = { base: 1000, small: 50_000, large: 3_000_000 };
const names = Object.keys(sizes)
  .map((name) => `${name}_1_${architecture}.deb`)
  .sort();
const deb = (name: keyof typeof sizes) => `${name}_1_${architecture}.deb`;
const definition = {
  name: 'tiny',
  suite: 'trixie',
  packages: ['small', 'large'],
  target: { architecture, nodeVersion: 'v24.1.0' },
} as unknown as ImageDefinition;

let archive: string;
let server: Server;
let source: string;
let downloads: string;
/** What was asked of the archive, with the range. */
let asked: { file: string; range: string | undefined }[];
/** Breaks off after so many bytes of a package. */
let breakAfter = Number.POSITIVE_INFINITY;

beforeAll(async () => {
  archive = mkdtempSync(join(tmpdir(), 'archive-'));
  const paragraphs = Object.entries(sizes).map(([name, size]) => makePackage(name, size));
  writeFileSync(join(archive, 'Packages'), paragraphs.join('\n'));
  const index = readFileSync(join(archive, 'Packages'));
  const release = [
    'Origin: Debian',
    'Suite: stable',
    'Codename: trixie',
    'Date: Sat, 01 Aug 2026 00:00:00 UTC',
    'SHA256:',
  ];
  writeFileSync(join(archive, 'Release'), `${[...release, ` ${sha256(index)} ${index.length} Packages`].join('\n')}\n`);
  server = createServer((request, response) => {
    const file = request.url!.split('/').at(-1)!;
    const { range } = request.headers;
    if (file.endsWith('.deb')) asked.push({ file, range });
    let content: Buffer;
    try {
      content = readFileSync(join(archive, file));
    } catch {
      return response.writeHead(404).end();
    }
    const from = Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
    const head = { 'content-length': content.length - from, 'last-modified': 'Sat, 01 Aug 2026 00:00:00 GMT' };
    const part = { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` };
    response.writeHead(from ? 206 : 200, { ...head, ...(from && part) });
    if (!file.endsWith('.deb') || content.length - from <= breakAfter) return response.end(content.subarray(from));
    return response.write(content.subarray(from, from + breakAfter), () => setTimeout(() => response.destroy(), 100));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Trusted, as a signature would make it: what is checked here is what lies below the signature.
  source = `deb [trusted=yes] http://127.0.0.1:${(server.address() as AddressInfo).port}/ ./`;
});
afterAll(() => {
  server.close();
  rmSync(archive, { recursive: true });
});
beforeEach(() => {
  downloads = mkdtempSync(join(tmpdir(), 'downloads-'));
  breakAfter = Number.POSITIVE_INFINITY;
  asked = [];
  return () => rmSync(downloads, { recursive: true });
});

/** A real package, whose content cannot be made smaller; returns its paragraph of the list. */
function makePackage(name: string, size: number): string {
  const folder = join(archive, 'made');
  mkdirSync(join(folder, 'DEBIAN'), { recursive: true });
  writeFileSync(join(folder, 'content'), randomBytes(size));
  const important = name === 'base' ? 'Essential: yes\nPriority: required\n' : '';
  const control = `Package: ${name}\nVersion: 1\nArchitecture: ${architecture}\nMaintainer: nobody\n${important}Description: ${name}\n`;
  writeFileSync(join(folder, 'DEBIAN/control'), control);
  const path = join(archive, `${name}_1_${architecture}.deb`);
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', folder, path], { stdio: 'ignore' });
  rmSync(folder, { recursive: true });
  const content = readFileSync(path);
  return `${control}Filename: ./${name}_1_${architecture}.deb\nSize: ${content.length}\nSHA256: ${sha256(content)}\n`;
}

async function fetch(): Promise<string[]> {
  const progress = { note() {}, phase() {}, detail() {}, end() {} };
  const logFile = join(downloads, 'log');
  const settings = ['Acquire::Retries "0"', 'Acquire::http::Proxy "DIRECT"'];
  const options = { downloads, sources: [source], aptSettings: settings, logFile, progress };
  const folder = await fetchPackages(definition, options);
  return readdirSync(folder).filter((name) => name.endsWith('.deb'));
}

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
const path = (name: string) => join(downloads, 'apt/archives', name);

it('has every package, and fetches none that it has', async () => {
  expect((await fetch()).sort()).toEqual(names);
  expect(asked.map(({ file }) => file).sort()).toEqual(names);
  asked = [];
  expect((await fetch()).sort()).toEqual(names);
  expect(asked).toEqual([]);
});

it('fetches the rest of a package that was broken off', async () => {
  breakAfter = 2_000_000;
  expect(await fetch()).not.toContain(deb('large'));
  const { length } = readFileSync(path(`partial/${deb('large')}`));
  expect(length).toBeGreaterThan(0);
  breakAfter = Number.POSITIVE_INFINITY;
  asked = [];
  expect((await fetch()).sort()).toEqual(names);
  expect(asked).toContainEqual({ file: deb('large'), range: `bytes=${length}-` });
  expect(asked.map(({ file }) => file)).not.toContain(deb('small'));
  expect(sha256(readFileSync(path(deb('large'))))).toBe(sha256(readFileSync(join(archive, deb('large')))));
});

it('fetches anew what is not what the signed list says, whole or by half', async () => {
  await fetch();
  const content = readFileSync(path(deb('small')));
  content[content.length >> 1]! ^= 1;
  writeFileSync(path(deb('small')), content);
  const half = readFileSync(path(deb('large'))).subarray(0, 1_500_000);
  half[1000]! ^= 1;
  writeFileSync(path(`partial/${deb('large')}`), half);
  rmSync(path(deb('large')));
  asked = [];
  // A beginning that is wrong is found out at the end, and thrown away.
  await fetch();
  expect((await fetch()).sort()).toEqual(names);
  expect(asked.map(({ file }) => file)).toContain(deb('small'));
  for (const name of names) expect(sha256(readFileSync(path(name)))).toBe(sha256(readFileSync(join(archive, name))));
});

it('keeps nothing that the archive lies about', async () => {
  const honest = readFileSync(join(archive, deb('small')));
  const wrong = Buffer.from(honest);
  wrong[wrong.length >> 1]! ^= 1;
  writeFileSync(join(archive, deb('small')), wrong);
  try {
    expect(await fetch()).not.toContain(deb('small'));
  } finally {
    writeFileSync(join(archive, deb('small')), honest);
  }
});

it('removes what an image does not need any more', async () => {
  await fetch();
  writeFileSync(path('old_1_all.deb'), 'old');
  expect((await fetch()).sort()).toEqual(names);
});
