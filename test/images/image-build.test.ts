import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
const customize = `find "$1" -xdev -type f -perm /6000 -exec chmod a-s {} +
find "$1" -xdev \\( -path "$1/dev" -o -path "$1/proc" -o -path "$1/sys" \\) -prune -o \\( -type f -o -type d \\) -exec chmod a+rX,g-s {} +
`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tiny-'));
  chmodSync(folder, 0o755);
  imagesDir = join(folder, 'images');
  mkdirSync(join(folder, 'smoke'), { recursive: true });
  mkdirSync(imagesDir);
  writeFileSync(join(folder, 'image.json'), JSON.stringify(image));
  writeFileSync(join(folder, 'packages.list'), 'bc\n');
  writeFileSync(join(folder, 'customize.sh'), customize);
  writeFileSync(join(folder, 'smoke/sum.sh'), 'test "$(echo 40 + 2 | bc)" = 42');
  definition = readImageDefinition(folder, {
    architecture: debianArchitecture(process.arch),
    nodeVersion: process.version,
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Builds, and calls it off as soon as the progress says something. */
async function build(until?: RegExp) {
  const gone = new AbortController();
  const told: string[] = [];
  const tell = (text: string) => {
    told.push(text);
    if (until?.test(text)) gone.abort();
  };
  const progress = { note: tell, phase: tell, detail: tell, end() {} };
  const options = { imagesDir, nodeBinary: process.execPath, superuser, progress, signal: gone.signal };
  return { manifest: await buildImage(definition, options), told };
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

  // What stands in its place without having been finished is no image either.
  mkdirSync(join(place(), 'rootfs/usr'), { recursive: true });
  const { manifest, told } = await build();
  expect(fetched()).toEqual([]);
  expect(manifest).toMatchObject({ name: 'tiny', suite: 'trixie', leftOut: [] });
  expect(manifest.packageCount).toBeGreaterThan(20);
  expect(existsSync(join(place(), 'rootfs/usr/bin/bc'))).toBe(true);
  expect(existsSync(join(imagesDir, '.downloads'))).toBe(false);
  expect(told).toContainEqual(expect.stringMatching(/^The image tiny-[0-9a-f]{12} is ready/));

  // And then there is nothing left to do.
  const again = await build();
  expect(again).toEqual({ manifest, told: [] });
});
