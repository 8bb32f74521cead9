import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { SetupError } from '../host/index.ts';
import { debianArchitecture, parsePackageList, readImageDefinition } from './image-definition.ts';

const core = fileURLToPath(new URL('../../images/core', import.meta.url));
const target = { architecture: 'amd64', nodeVersion: 'v24.1.0' };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-'));
  cpSync(core, folder, { recursive: true });
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

const hash = () => readImageDefinition(folder, target).hash;
const append = (file: string, text: string) =>
  writeFileSync(join(folder, file), readFileSync(join(folder, file), 'utf8') + text);

describe('the core image', () => {
  it('is a valid definition whose packages are named once', () => {
    const { packages, smoke, name } = readImageDefinition(core, target);
    expect(name).toBe('core');
    expect(packages).toContain('python3-pandas');
    expect(new Set(packages).size).toBe(packages.length);
    expect(smoke.every(({ text }) => text.length > 0)).toBe(true);
  });
});

describe('the hash of a definition', () => {
  it('is the same for the same content, wherever it lies', () => {
    expect(hash()).toBe(readImageDefinition(core, target).hash);
    expect(hash()).toMatch(/^[0-9a-f]{12}$/);
  });

  it('changes with a package, a hook, a smoke program, the architecture and the version of Node', () => {
    const before = hash();
    const seen = new Set([before]);
    seen.add(readImageDefinition(folder, { ...target, architecture: 'arm64' }).hash);
    seen.add(readImageDefinition(folder, { ...target, nodeVersion: 'v24.2.0' }).hash);
    append('packages/python.list', '\npython3-attr\n');
    seen.add(hash());
    append('customize.sh', '\ntrue\n');
    seen.add(hash());
    append('smoke/data.py', '\nassert True\n');
    seen.add(hash());
    expect(seen.size).toBe(6);
  });

  it('does not change with a comment in a package list', () => {
    const before = hash();
    append('packages/python.list', '\n# why\n\n');
    expect(hash()).toBe(before);
  });
});

describe('a layer', () => {
  const ml = fileURLToPath(new URL('../../images/ml', import.meta.url));
  const full = fileURLToPath(new URL('../../images/full', import.meta.url));

  it('has packages of its own, and the paths that are left out of the image below', () => {
    const below = readImageDefinition(full, target);
    const layer = readImageDefinition(ml, target);
    expect(layer.on).toEqual(below);
    expect(layer.packages.filter((name) => below.packages.includes(name))).toEqual([]);
    expect(layer).toMatchObject({
      suite: below.suite,
      exclude: below.exclude,
      hooks: { essential: '', customize: '' },
    });
  });

  it('changes with the image below', () => {
    const folder = mkdtempSync(join(tmpdir(), 'images-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const [name, source] of Object.entries({ core, full, ml }))
      cpSync(source, join(folder, name), { recursive: true });
    const hash = () => readImageDefinition(join(folder, 'ml'), target).hash;
    expect(hash()).toBe(readImageDefinition(ml, target).hash);
    writeFileSync(join(folder, 'core/packages/base.list'), 'ca-certificates\n');
    expect(hash()).not.toBe(readImageDefinition(ml, target).hash);
  });

  it('on itself is refused', () => {
    const folder = mkdtempSync(join(tmpdir(), 'images-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    cpSync(ml, join(folder, 'full'), { recursive: true });
    expect(() => readImageDefinition(join(folder, 'full'), target)).toThrow('is a layer on itself');
  });
});

describe('a wrong definition', () => {
  it.each([
    ['a file that is missing', () => rmSync(join(folder, 'packages/base.list')), /cannot be read: .*base\.list/],
    ['text that is not JSON', () => writeFileSync(join(folder, 'image.json'), '{'), /is not JSON/],
    ['an unknown key', () => rewrite({ pakages: [] }), /is not an image definition:.*pakages/s],
    ['a name that would be a path', () => rewrite({ name: '../core' }), /is not an image definition:.*name/s],
  ])('with %s is refused with a sentence', (_what, spoil, message) => {
    spoil();
    expect(() => readImageDefinition(folder, target)).toThrow(SetupError);
    expect(() => readImageDefinition(folder, target)).toThrow(message);
  });

  function rewrite(change: object): void {
    const path = join(folder, 'image.json');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
  }
});

describe('parsePackageList', () => {
  it('leaves out comments and empty lines', () => {
    expect(parsePackageList('# for\n\njq # why\n  bc\n')).toEqual(['jq', 'bc']);
  });
});

describe('debianArchitecture', () => {
  it('knows the two there are images for', () => {
    expect(debianArchitecture('x64')).toBe('amd64');
    expect(debianArchitecture('arm64')).toBe('arm64');
    expect(() => debianArchitecture('riscv64')).toThrow(SetupError);
  });
});
