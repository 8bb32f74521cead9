import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProgress, hasProgram } from '../host/index.ts';
import { nativeHelper } from './native-helper.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'native-helper-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const sourceDir = fileURLToPath(new URL('../../guest/native', import.meta.url));
const options = () => ({
  sourceDir,
  imageRoot: join(folder, 'images/core-1/rootfs'),
  places: [join(folder, 'data/images')],
  progress: createProgress({ stream: { write() {} } }),
  interactive: false,
  asItIs: true,
});

it.skipIf(!hasProgram('gcc') && !hasProgram('cc'))('compiles the helper once', { timeout: 60_000 }, async () => {
  const made = await nativeHelper(options());
  expect(made).toMatch(/\/data\/images\/native-(?:x64|arm64)-[0-9a-f]{12}$/);
  expect(readdirSync(join(folder, 'data/images'))).toHaveLength(1);
  expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o711);
  for (const name of ['helper.so', 'node.so', 'zygote', 'launcher'])
    expect(statSync(join(made, name)).mode & 0o777).toBe(0o555);
  // What build.sh notes and what the service looks for is the same digest.
  expect(made.endsWith(readFileSync(join(made, 'digest'), 'utf8').slice(0, 12))).toBe(true);
  expect(await nativeHelper({ ...options(), compilers: [] })).toBe(made);
});

describe('without a compiler', () => {
  const text = 'int main(void) { return 0; }\n';
  const digest = createHash('sha256').update(text).digest('hex');
  let source: string;
  beforeEach(() => {
    source = join(folder, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'all.c'), text);
  });

  it('is a refusal that says what to install', async () => {
    await expect(nativeHelper({ ...options(), sourceDir: source, compilers: [] })).rejects.toThrow(
      /sudo apt-get install gcc/,
    );
  });

  it('takes a helper that was shipped with its source, unless the source has changed', async () => {
    mkdirSync(join(source, 'built'));
    writeFileSync(join(source, 'built/digest'), `${digest}\n`);
    expect(await nativeHelper({ ...options(), sourceDir: source, compilers: [] })).toBe(join(source, 'built'));
    writeFileSync(join(source, 'all.c'), 'something else');
    await expect(nativeHelper({ ...options(), sourceDir: source, compilers: [] })).rejects.toThrow(/install gcc/);
  });

  it('takes a helper that lies beside the image', async () => {
    const beside = join(folder, `images/native-${process.arch}-${digest.slice(0, 12)}`);
    mkdirSync(beside, { recursive: true });
    for (const name of ['helper.so', 'node.so', 'zygote', 'launcher']) writeFileSync(join(beside, name), '');
    expect(await nativeHelper({ ...options(), sourceDir: source, compilers: [] })).toBe(beside);
    // Another user of the host may have changed it.
    chmodSync(join(beside, 'helper.so'), 0o666);
    await expect(nativeHelper({ ...options(), sourceDir: source, compilers: [] })).rejects.toThrow(/install gcc/);
  });
});

it('says what the compiler said when the helper cannot be compiled', { timeout: 60_000 }, async () => {
  await expect(nativeHelper({ ...options(), compilers: ['ls'] })).rejects.toThrow(/cannot be compiled:\n.*host.*ls: /s);
  expect(readdirSync(join(folder, 'data/images'))).toEqual([]);
});
