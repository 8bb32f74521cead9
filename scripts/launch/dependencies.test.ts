import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

const dependencies = new URL('./dependencies.mjs', import.meta.url).href;
let project: string;

const write = (file: string, text: string, mode = 0o644) => {
  mkdirSync(dirname(join(project, file)), { recursive: true });
  writeFileSync(join(project, file), text);
  chmodSync(join(project, file), mode);
};
const packages = (entries: object) => JSON.stringify({ packages: { '': {}, ...entries } });
const a = { 'node_modules/a': { version: '1.0.0' } };
const tool = { 'node_modules/tool': { version: '2.0.0', dev: true } };
const other = { 'node_modules/other-processor': { version: '3.0.0', optional: true } };

/** The arguments of each call of the stand-in for npm, one line a call. */
const calls = () =>
  (existsSync(join(project, 'calls')) ? readFileSync(join(project, 'calls'), 'utf8') : '').split('\n');

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'project-'));
  onTestFinished(() => rmSync(project, { recursive: true }));
  write('package-lock.json', packages({ ...a, ...tool, ...other }));
  npm('sleep 0.2; mkdir -p node_modules/.bin; touch node_modules/.bin/node');
});

/** A stand-in that runs `program` and records its arguments. */
function npm(program: string): void {
  write('bin/npm', `#!/bin/sh\necho "$@" >> calls\n${program}\n`, 0o755);
}

/** Ensures the packages in a separate process, as every start does. */
function ensure(kind: 'production' | 'full'): Promise<{ fault: string; output: string }> {
  const program = `import { ensureDependencies } from ${JSON.stringify(dependencies)};
    await ensureDependencies(${JSON.stringify(project)}, '${kind}').catch((error) => {
      process.stderr.write(error.message);
      process.exitCode = 1;
    });`;
  const env = { PATH: `${project}/bin:/usr/bin:/bin` };
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', program], { env }, (_error, stdout, stderr) =>
      resolve({ fault: stderr, output: stdout }),
    );
  });
}

describe('packages', () => {
  it('of production are installed once, and not checked again', async () => {
    expect(await ensure('production')).toMatchObject({ fault: '', output: expect.stringContaining('Installing npm') });
    expect(calls()[0]).toMatch(/^ci --omit=dev /);
    expect(await ensure('production')).toEqual({ fault: '', output: '' });
    expect(calls()).toHaveLength(2);
  });

  it('for development are installed when needed, and satisfy production', async () => {
    await ensure('production');
    await ensure('full');
    expect(calls()[1]).toMatch(/^ci --include=dev /);
    await ensure('production');
    expect(calls()).toHaveLength(3);
  });

  it('are installed again, of the same kind, when the lock file changes', async () => {
    await ensure('full');
    write('package-lock.json', packages({ ...a, 'node_modules/b': { version: '1.0.0' } }));
    await ensure('production');
    expect(calls()[1]).toMatch(/^ci --include=dev /);
  });

  it('for development stay when those installed by hand are out of date', async () => {
    write('node_modules/.bin/node', '');
    write('node_modules/.package-lock.json', packages({ ...tool, 'node_modules/a': { version: '0.9.0' } }));
    await ensure('production');
    expect(calls()[0]).toMatch(/^ci --include=dev /);
  });

  it('installed by hand are accepted when they match the lock file', async () => {
    write('node_modules/.bin/node', '');
    write('node_modules/.package-lock.json', packages(a));
    expect(await ensure('production')).toEqual({ fault: '', output: '' });
    write('node_modules/.package-lock.json', packages({ ...a, ...tool }));
    rmSync(join(project, 'node_modules/.dragoman-install.json'));
    expect(await ensure('full')).toEqual({ fault: '', output: '' });
    expect(calls()).toEqual(['']);
    write('node_modules/.package-lock.json', packages({ 'node_modules/a': { version: '0.9.0' } }));
    rmSync(join(project, 'node_modules/.dragoman-install.json'));
    await ensure('production');
    expect(calls()[0]).toMatch(/^ci /);
  });

  it('are installed by one start at a time', async () => {
    await Promise.all([ensure('production'), ensure('production'), ensure('production')]);
    expect(calls()).toHaveLength(2);
  });
});

describe('a failure of npm', () => {
  it('is reported with advice, and the next start tries again', async () => {
    npm('exit 7');
    expect((await ensure('production')).fault).toMatch(/npm ended with 7:.*\n.*network/);
    expect((await ensure('production')).fault).toMatch(/npm ended with 7/);
  });

  it('to install Node is reported', async () => {
    npm('mkdir -p node_modules');
    expect((await ensure('production')).fault).toContain(`node-linux-${process.arch}`);
  });
});
