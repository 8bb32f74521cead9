import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildImage } from '../../src/images/image-build.ts';
import { debianArchitecture, type ImageDefinition, readImageDefinition } from '../../src/images/image-definition.ts';

/** The smallest image there can be, of the real archive, whose build is interrupted at two places and then let through. */

const superuser = process.getuid!() === 0;
let folder: string;
let imagesDir: string;
let definition: ImageDefinition;

const image = {
  name: 'tiny',
  description: 'nothing but the base',
  suite: 'trixie',
  packages: ['packages.list'],
  exclude: ['/usr/share/doc/*', '/usr/share/locale/*', '/usr/share/man/*'],
  include: [],
  hooks: { customize: 'customize.sh' },
  smoke: [{ file: 'sum.sh', run: ['sh'] }],
  versions: { sed: ['sed', '--version'] },
  expectedMiB: 300,
};
/** A layer on it: a Debian package, a file, and a program that runs in the finished root. */
const layer = {
  name: 'above',
  description: 'tiny and a little more',
  on: 'tiny',
  packages: ['packages.list'],
  files: { '/usr/share/dragoman/word': 'word' },
  prepare: 'prepare.sh',
  smoke: [{ file: 'sum.sh', run: ['sh'] }],
  versions: {},
  expectedMiB: 10,
};
const customize = `find "$1" -xdev -type f -perm /6000 -exec chmod a-s {} +
find "$1" -xdev \\( -path "$1/dev" -o -path "$1/proc" -o -path "$1/sys" \\) -prune -o \\( -type f -o -type d \\) -exec chmod a+rX,g-s {} +
`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tiny-'));
  chmodSync(folder, 0o755);
  imagesDir = join(folder, 'images');
  mkdirSync(imagesDir);
  write('tiny', {
    'image.json': JSON.stringify(image),
    'packages.list': 'bc\n',
    'customize.sh': customize,
    'smoke/sum.sh': 'test "$(echo 40 + 2 | bc)" = 42',
  });
  write('above', {
    'image.json': JSON.stringify(layer),
    'packages.list': 'dc\n',
    word: 'a word',
    'prepare.sh': 'echo prepared > /usr/share/dragoman/prepared',
    'smoke/sum.sh':
      'test "$(echo 40 2 + p | dc)" = "$(echo 40 + 2 | bc)" && test "$(cat /usr/share/dragoman/word)" = "a word"',
  });
  definition = read('tiny');
});
function write(name: string, files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name, file)), { recursive: true });
    writeFileSync(join(folder, name, file), text);
  }
}
const read = (name: string) =>
  readImageDefinition(join(folder, name), {
    architecture: debianArchitecture(process.arch),
    nodeVersion: process.version,
  });

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Builds, and calls it off as soon as the progress says something. */
async function build(until?: RegExp, image = definition) {
  const gone = new AbortController();
  const told: string[] = [];
  const tell = (text: string) => {
    told.push(text);
    if (until?.test(text)) gone.abort();
  };
  const progress = { note: tell, phase: tell, detail: tell, end() {} };
  const options = { imagesDir, nodeBinary: process.execPath, superuser, progress, signal: gone.signal };
  return { manifest: await buildImage(image, options), told };
}

const place = () => join(imagesDir, `tiny-${definition.hash}`);
const kept = () => readdirSync(join(imagesDir, '.downloads/apt/archives')).filter((name) => name.endsWith('.deb'));
/** Packages apt fetched in the last build, not lists. */
const fetched = () =>
  [...readFileSync(`${place()}.log`, 'utf8').matchAll(/^Get:\d+ \S+ \S+ \S+ (\S+) \S+ \S+ \[/gm)].map(
    ([, name]) => name,
  );
const built = () =>
  readdirSync(imagesDir).filter((name) => name.startsWith('.building-') || name === `tiny-${definition.hash}`);
const buildingOf = (told: readonly string[]) =>
  told.filter((text) => text.startsWith('Building the image')).map((text) => text.split(' ')[3]);

it('goes on where it was interrupted, and is an image only when it is whole', { timeout: 600_000 }, async () => {
  await expect(build(/^[5-9] of \d+ downloaded/)).rejects.toThrow('interrupted');
  expect(built()).toEqual([]);
  const first = kept();
  expect(first.length).toBeGreaterThanOrEqual(4);

  await expect(build(/^\d+ unpacked/)).rejects.toThrow('interrupted');
  expect(built()).toEqual([]);
  for (const name of first) expect(fetched()).not.toContain(name.split('_')[0]);
  expect(fetched().length).toBeGreaterThan(10);
  expect(kept().length).toBeGreaterThan(first.length);

  // What stands in its place without having been finished is no image either. A layer builds first what it lies on.
  mkdirSync(join(place(), 'rootfs/usr'), { recursive: true });
  const { manifest, told } = await build(undefined, read('above'));
  expect(buildingOf(told)).toEqual(['tiny', 'above']);
  expect(fetched()).toEqual([]);
  expect(existsSync(join(place(), 'rootfs/usr/bin/bc'))).toBe(true);
  expect(existsSync(join(imagesDir, '.downloads'))).toBe(false);
  expect(told).toContainEqual(expect.stringMatching(/^The image tiny-[0-9a-f]{12} is ready/));

  // And then there is nothing left to do.
  expect(await build(undefined, read('above'))).toEqual({ manifest, told: [] });
  const again = await build();
  expect(again.told).toEqual([]);
  expect(again.manifest).toMatchObject({ name: 'tiny', suite: 'trixie', leftOut: [] });
  expect(again.manifest.packageCount).toBeGreaterThan(20);
});

it('builds a layer on the image that is there, and shares its files', { timeout: 600_000 }, async () => {
  const above = read('above');
  const base = join(place(), 'rootfs');
  rmSync(join(imagesDir, `above-${above.hash}`), { recursive: true });
  const { manifest, told } = await build(undefined, above);
  expect(buildingOf(told)).toEqual(['above']);
  expect(manifest).toMatchObject({
    name: 'above',
    on: `tiny-${definition.hash}`,
    versions: { sed: expect.any(String) },
  });
  expect(manifest.addedBytes).toBeLessThan(20 * 1024 ** 2);

  const root = join(imagesDir, `above-${above.hash}`, 'rootfs');
  expect(statSync(join(root, 'usr/bin/bc')).ino).toBe(statSync(join(base, 'usr/bin/bc')).ino);
  expect(readFileSync(join(root, 'usr/share/dragoman/prepared'), 'utf8')).toBe('prepared\n');
  // The image below is as it was.
  for (const path of ['usr/bin/dc', 'usr/share/dragoman/word', 'usr/share/dragoman/prepared'])
    expect(existsSync(join(base, path))).toBe(false);
  expect(readFileSync(join(base, 'var/lib/dpkg/status'), 'utf8')).not.toMatch(/^Package: dc$/m);
  expect(readFileSync(join(root, 'var/lib/dpkg/status'), 'utf8')).toMatch(/^Package: dc$/m);
  expect(existsSync(join(imagesDir, '.downloads'))).toBe(false);
});
