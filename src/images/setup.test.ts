import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { debianArchitecture, readImageDefinition } from './image-definition.ts';
import { mountPoints } from './image-root.ts';
import { type SetupOptions, setup } from './setup.ts';

const definitionsDir = fileURLToPath(new URL('../../images', import.meta.url));
const target = { architecture: debianArchitecture(process.arch), nodeVersion: 'v24.1.0' };
const { hash } = readImageDefinition(join(definitionsDir, 'core'), target);
const manifest = {
  name: 'core',
  hash,
  suite: 'trixie',
  architecture: target.architecture,
  versions: { python: '3.13.5' },
  packageCount: 280,
  sizeBytes: 1,
  leftOut: [],
  builtAt: '2026-01-01T00:00:00.000Z',
  buildMs: 1,
};
let dataDir: string;
let options: SetupOptions;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'data-'));
  chmodSync(dataDir, 0o755);
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const silent = { note() {}, phase() {}, detail() {}, end() {} };
  const node = { binary: process.execPath, version: target.nodeVersion };
  options = { dataDir, image: 'core', definitionsDir, node, progress: silent, interactive: false };
});

/** Folders and programs as a root has them, empty. */
function makeRoot(root: string): string {
  for (const path of ['usr/bin', ...mountPoints]) mkdirSync(join(root, path), { recursive: true });
  symlinkSync('dash', join(root, 'usr/bin/sh'));
  symlinkSync('python3.13', join(root, 'usr/bin/python3'));
  return root;
}

function makeImage(folder: string): string {
  const root = makeRoot(join(folder, 'rootfs'));
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  return root;
}

describe('an image by name', () => {
  it('is the one of this very definition, when it is there', async () => {
    const imageRoot = makeImage(join(dataDir, 'images', `core-${hash}`));
    expect(await setup(options)).toEqual({ imageRoot, imageId: `core-${hash}`, manifest });
  });

  it('is by itself full where there is one, else core where the disk has no room to build it, and that is said', async () => {
    const definitions = join(dataDir, 'definitions');
    cpSync(definitionsDir, definitions, { recursive: true });
    const file = join(definitions, 'full/image.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"expectedMiB": \d+/, '"expectedMiB": 1000000000'));
    const notes: string[] = [];
    const progress = { ...options.progress, note: (text: string) => notes.push(text) };
    const auto = { ...options, image: 'auto', definitionsDir: definitions, progress };
    makeImage(join(dataDir, 'images', `core-${hash}`));
    expect(await setup(auto)).toMatchObject({ imageId: `core-${hash}` });
    expect(notes).toEqual([expect.stringMatching(/^The image full would take up to 2500000000 MiB .*: taking core/)]);

    const full = readImageDefinition(join(definitions, 'full'), target).hash;
    const place = join(dataDir, 'images', `full-${full}`);
    makeImage(place);
    writeFileSync(join(place, 'manifest.json'), JSON.stringify({ ...manifest, name: 'full', hash: full }));
    expect(await setup(auto)).toMatchObject({ imageId: `full-${full}`, imageRoot: join(place, 'rootfs') });
    expect(notes).toHaveLength(1);
  });

  it('that is not defined is refused with the names that are', async () => {
    await expect(setup({ ...options, image: 'cor' })).rejects.toThrow(/DRAGOMAN_IMAGE is cor, .*\(core.*\)/);
  });
});

describe('an image by path', () => {
  it('is known when it was built here', async () => {
    const imageRoot = makeImage(join(dataDir, 'elsewhere'));
    expect(await setup({ ...options, image: imageRoot })).toEqual({ imageRoot, imageId: `core-${hash}`, manifest });
  });

  it('that the operator made has an id that changes with its packages', async () => {
    const root = makeRoot(join(dataDir, 'own'));
    const first = await setup({ ...options, image: root });
    expect(first).toEqual({
      imageRoot: root,
      imageId: expect.stringMatching(/^root-[0-9a-f]{12}$/),
      manifest: undefined,
    });
    expect(await setup({ ...options, image: root })).toEqual(first);
    writeFileSync(join(root, 'usr/bin/another'), '');
    expect((await setup({ ...options, image: root })).imageId).not.toBe(first.imageId);
  });

  it('that is no root is refused', async () => {
    await expect(setup({ ...options, image: dataDir })).rejects.toThrow('does not look like the root');
  });
});
