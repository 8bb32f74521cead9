import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CompileCache } from '../../src/engine/index.ts';
import { exec } from '../support/client.ts';
import { type RunOptions, startEngine, type TestEngine, type TestRun } from '../support/engine.ts';
import { input } from '../support/input.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { atPace } from '../support/tier.ts';
import { attacking, expectHeld, hostile } from './attack.ts';

/*
 * Compilers read what a stranger wrote, and what they make is run later. The worst compiler there can be is one that a stranger
 * wrote: a language of its own here, whose compiler is its source.
 */
const programs = fileURLToPath(new URL('../fixtures/programs/compile', import.meta.url));
const canary = 'CANARY_OF_THE_SERVICE';
const MiB = 1024 * 1024;
let engine: TestEngine;
let folder: string;
let cache: string;
let outside: string;
let compileCache: CompileCache;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dragoman-compile-'));
  cache = join(folder, 'cache');
  outside = join(folder, 'outside.txt');
  writeFileSync(outside, canary, { mode: 0o644 });
  const runtimesDir = join(folder, 'runtimes');
  cpSync(fileURLToPath(new URL('../../runtimes', import.meta.url)), runtimesDir, { recursive: true });
  mkdirSync(join(runtimesDir, 'hostile'));
  writeFileSync(
    join(runtimesDir, 'hostile/runtime.json'),
    JSON.stringify({
      title: 'Hostile',
      aliases: [],
      entry: 'compiler.sh',
      compile: { argv: ['sh', '{name}', '{name}', '{output}'], output: 'program' },
      run: { kind: 'program', argv: ['{output}'] },
      template: { default: 'light' },
    }),
  );
  process.env.SECRET_OF_THE_SERVICE = canary;
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  compileCache = new CompileCache({ directory: cache, maxBytes: 64 * MiB, logger });
  engine = await startEngine({ runtimesDir, compileCache, limits: { memoryBytes: 512 * MiB } });
});
afterAll(async () => {
  delete process.env.SECRET_OF_THE_SERVICE;
  await engine?.close();
  rmSync(folder, { recursive: true, force: true });
});

const cCode = '#include <stdio.h>\nint main(void) { puts("honest"); return 0; }\n';
const honest = { outcome: 'completed', exitCode: 0, stdout: 'honest\n', stderr: '', stage: 'run' };
const unkept = (code: string) => `${code}// ${performance.now()}\n`;

/** The names of what is kept, once nothing is being written: a program is run before it has reached the disk. */
async function writtenPrograms(): Promise<string[]> {
  await compileCache.close();
  return readdirSync(join(cache, 'programs'));
}

/** Runs a hostile compiler, then an honest one, which must come out right. */
async function attack(
  path: string,
  options: RunOptions & { change?: (code: string) => string } = {},
): Promise<TestRun> {
  const { code } = hostile(`compile/${path}`);
  const run = await engine.run('hostile', (options.change ?? String)(code), { owner: 'mallory', ...options });
  expect(await engine.run('c', unkept(cCode), { owner: 'alice' })).toMatchObject(honest);
  return run;
}

describe('what a compiler hands over', attacking('compile'), () => {
  it.each(['link.sh', 'pipe.sh', 'folder.sh', 'device.sh', 'sparse.sh'])(
    'is no program when it is none: %s',
    async (path) => {
      const run = await attack(path);
      expect(run).toMatchObject({ outcome: 'completed', exitCode: 1, stage: 'compile', stdout: '' });
      expect(run.stderr).toContain('made no program');
      expect(run.usage).toEqual({ wallMs: 0, cpuMs: 0, peakMemoryBytes: 0 });
    },
  );

  it('ends at the room there is', async () => {
    const run = await attack('gigantic.sh');
    expect(run).toMatchObject({ stage: 'compile', exitCode: 1, stdout: '' });
    expect(run.stderr).toContain('No space left');
  });

  it('is read when nothing runs any more, whatever was left running', async () => {
    for (let round = 0; round < 5; round++) {
      const { stage, stdout, stderr } = await attack('daemon.sh', { change: (code) => `${code}# ${round}\n` });
      // Caught between two writes it may be empty, which is no program; it is never half of each.
      if (stage === 'compile') expect(stderr).toContain('made no program');
      else expect(['', 'whole\n', 'rewritten\n']).toContain(stdout);
    }
  });

  it('is never anything but a regular file, however fast it is swapped', async () => {
    for (let round = 0; round < 10; round++) {
      const { stage, stdout, stderr } = await attack('swap.sh', { change: (code) => `${code}# ${round}\n` });
      expect(stdout + stderr).not.toContain(canary);
      if (stage === 'run') expect(['', 'whole\n']).toContain(stdout);
      else expect(stderr).toContain('made no program');
    }
  });

  it('leaves no process and no sandbox behind', async () => {
    await attack('daemon.sh', { change: (code) => `${code}# the last\n` });
    const over = () => {
      const { live, parked } = engine.engine.census();
      return live - Object.values(parked).reduce((sum, count) => sum + count, 0);
    };
    for (let waited = 0; over() > 0 && waited < 10_000; waited += 100) await sleep(100);
    expect(over()).toBe(0);
  });
});

describe('a compiler without measure', attacking('compile'), () => {
  const limits = { wallMs: 2000, memoryBytes: 192 * MiB, processes: 32 };

  it('ends at the limit of time, and what it said is kept', async () => {
    expect(await attack('spin.sh', { limits })).toMatchObject({
      outcome: 'timed_out',
      stage: 'compile',
      stderr: 'started\n',
      usage: { wallMs: 0 },
    });
  });

  it('ends at the limit of output', async () => {
    const run = await attack('flood.sh', { limits: { ...limits, wallMs: 10_000 } });
    expect(run).toMatchObject({ outcome: 'output_limit', stage: 'compile', truncated: true });
  });

  it('ends at the limit of memory', async () => {
    const run = await attack('hoard.sh', { limits: { ...limits, wallMs: 10_000 } });
    expect(run).toMatchObject({ outcome: 'out_of_memory', stage: 'compile' });
    expect(run.compileUsage!.peakMemoryBytes).toBeLessThanOrEqual(limits.memoryBytes);
  });

  it('ends at the limit of processes', async () => {
    const run = await attack('fork.sh', { limits });
    expect(run.stage).toBe('compile');
    expect(run.stderr).toMatch(/[Cc]annot fork|Resource temporarily unavailable/);
  });

  it.each(readdirSync(`${programs}/bombs`).sort())('is a bomb: %s', { timeout: atPace(60_000) }, async (name) => {
    const { language, code } = hostile(`compile/bombs/${name}`);
    const run = await engine.run(language, code, { limits: { ...limits, wallMs: 5000 }, owner: 'mallory' });
    expect(run.stage).toBe('compile');
    expect(['timed_out', 'out_of_memory', 'output_limit', 'completed']).toContain(run.outcome);
    if (run.outcome === 'completed') expect(run.exitCode).not.toBe(0);
    expect(run.stderr.length).toBeLessThanOrEqual(70_000);
    expect(await engine.run('c', unkept(cCode), { owner: 'alice' })).toMatchObject(honest);
  });
});

describe('what a source can have read', attacking('compile'), () => {
  /** Sources that take in a file while they are compiled, and print it. */
  const readers: Record<string, (path: string) => string> = {
    c: (path) =>
      `#include <stdio.h>\n__asm__(".data\\n.globl kept\\nkept: .incbin \\"${path}\\"\\n.byte 0\\n");\nextern char kept[];\nint main(void) { puts(kept); return 0; }`,
    cpp: (path) => `#include "${path}"\nint main() {}`,
    rust: (path) => `fn main() { println!("{}", String::from_utf8_lossy(include_bytes!("${path}"))); }`,
    d: (path) => `import std.stdio;\nvoid main() { write(import("${path}")); }`,
    go: (path) => `package main\nimport _ "embed"\n//go:embed ${path}\nvar kept string\nfunc main() { print(kept) }`,
    fortran: (path) => `program p\ninclude '${path}'\nend program`,
  };
  const climbing = (path: string) => `../../../../..${path}`;

  it.each(Object.keys(readers))('is nothing of the host in %s', async (language) => {
    const paths = [outside, '/etc/shadow', '/proc/1/environ', '/proc/1/root/etc/shadow', '/var/lib/dragoman/api-key'];
    for (const path of paths.flatMap((path) => [path, climbing(path)])) {
      const run = await engine.run(language, readers[language]!(path), { owner: 'mallory' });
      expect(run.stdout + run.stderr).not.toContain(canary);
      expect(run.stdout).not.toMatch(/root:[^:]*:\d/);
      // Files of the host are not there, and no process can read the environment of the first one.
      expect(`${run.stage} ${run.exitCode === 0 && run.stdout.trim() !== ''}`).toBe('compile false');
    }
  });

  it('is the environment of its compiler, which has nothing of the service', async () => {
    const code =
      'fn main() { print!("{}{}", String::from_utf8_lossy(include_bytes!("/proc/self/environ")), env!("PATH")); }';
    const { stdout, stage } = await engine.run('rust', code, { owner: 'mallory' });
    expect(stage).toBe('run');
    expect(stdout).toContain('/usr/bin');
    expect(stdout).not.toMatch(/CANARY|DRAGOMAN|NODE_/);
  });

  it('is nothing another has compiled, nor where it is kept', async () => {
    await engine.run('c', cCode, { owner: 'alice' });
    const kept = await writtenPrograms();
    const change = (code: string) => code.replaceAll('CACHE', cache);
    const digest = () =>
      kept
        .map((name) =>
          createHash('sha256')
            .update(readFileSync(join(cache, 'programs', name)))
            .digest('hex'),
        )
        .join();
    const before = digest();
    const compiling = await attack('search.sh', { change });
    expect(compiling).toMatchObject({ stdout: 'made\n', stderr: '', stage: 'run' });
    // A compiler's words are shown when it fails.
    const failing = await attack('search.sh', { change: (code) => `${change(code)}exit 3\n` });
    expect(failing).toMatchObject({ stage: 'compile', exitCode: 3, stdout: 'tried\n', stderr: '' });
    const running = await engine.run('bash', change(hostile('compile/search.sh').code), { owner: 'mallory' });
    expect(running).toMatchObject({ exitCode: 0, stdout: 'tried\n', stderr: '' });
    expect(digest()).toBe(before);
    // Where a sandbox's first process reads a file, no other user of the host comes in, and nobody lists it.
    expect(statSync(cache).mode & 0o777).toBe(0o700);
    expect(statSync(join(cache, 'programs')).mode & 0o777).toBe(0o711);
    for (const name of await writtenPrograms())
      expect(statSync(join(cache, 'programs', name)).mode & 0o777).toBe(0o444);
  });

  it('is no way from a program to where programs are kept, and none to change what runs next', async () => {
    const { language, code } = hostile('compile/kept.c');
    const bytes = async () =>
      (await writtenPrograms()).sort().map((name) => readFileSync(join(cache, 'programs', name)).toString('base64'));
    expectHeld(await engine.run(language, code, { owner: 'mallory' }));
    const before = await bytes();
    for (let round = 0; round < 3; round++) {
      const run = await engine.run(language, code, { owner: 'mallory' });
      expectHeld(run);
      expect(run.compileUsage).toEqual({ wallMs: 0, cpuMs: 0, peakMemoryBytes: 0 });
    }
    expect(await bytes()).toEqual(before);
    expect((await engine.run(language, code, { owner: 'bob' })).compileUsage!.wallMs).toBeGreaterThan(0);
  });

  it('leads no interpreter that waits in such a sandbox to where programs are kept', async () => {
    const listing = {
      bash: 'for each in /proc/$$/fd/*; do readlink "$each" || true; done',
      javascript:
        "const fs = require('fs'); for (const fd of fs.readdirSync('/proc/self/fd')) try { console.log(fs.readlinkSync('/proc/self/fd/' + fd)); } catch {}",
      php: "<?php foreach (scandir('/proc/self/fd') as $fd) if ($at = @readlink('/proc/self/fd/' . $fd)) echo $at, \"\\n\";",
    };
    for (const [language, code] of Object.entries(listing)) {
      const run = await engine.run(language, code, { owner: 'mallory' });
      expect(run).toMatchObject({ outcome: 'completed', exitCode: 0 });
      const targets = run.stdout.trim().split('\n');
      expect(targets.length).toBeGreaterThanOrEqual(3);
      // gVisor names the pipes of its own standard streams by numbers.
      const own =
        /^(?:(?:pipe|anon_inode|socket):|host:\[[123]\]$|\/dev\/(?:null|urandom)$|\/mnt\/data\/|\/tmp\/|\/proc\/|\/opt\/dragoman\/runtimes\/)/;
      expect(targets.filter((target) => !own.test(target))).toEqual([]);
    }
  });

  it('is made again where its file is lost, and written where no file can be read', async () => {
    const folder = join(cache, 'programs');
    const code = unkept(cCode);
    const run = async () => {
      const run = await engine.run('c', code, { owner: 'alice' });
      expect(run).toMatchObject(honest);
      await compileCache.close();
      return run.compileUsage!.wallMs === 0 ? 'kept' : 'made';
    };
    // Where sandboxes are told the bytes, those at hand are as good.
    const lost = engine.engine.tier === 'namespaces' ? 'made' : 'kept';
    const told = () => engine.logged.filter((line) => line.startsWith('sandboxes cannot copy')).length;
    expect([await run(), await run()]).toEqual(['made', 'kept']);
    for (const name of readdirSync(folder)) truncateSync(join(folder, name));
    expect([await run(), await run()]).toEqual([lost, 'kept']);
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    expect([await run(), await run()]).toEqual([lost, 'kept']);
    expect(told()).toBe(0);
    if (lost === 'kept' || process.getuid!() !== 0) return;
    // To nobody.
    chmodSync(folder, 0);
    try {
      const seen = [await run(), await run(), await run()];
      expect(told()).toBe(1);
      expect([...seen, await run(), await run()]).toEqual(['made', 'made', 'made', 'kept', 'kept']);
    } finally {
      chmodSync(folder, 0o711);
    }
  });
});

describe('files beside a source', attacking('compile'), () => {
  it.each(readdirSync(`${programs}/beside`).sort())('are no settings of the compiler: %s', async (language) => {
    const place = `${programs}/beside/${language}`;
    const files = readdirSync(place, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(place.length + 1));
    const source = files.find((name) => /^(main|Program)\./.test(name))!;
    const inputs = files.filter((name) => name !== source).map((name) => input(name, readFileSync(join(place, name))));
    expect(inputs.length).toBeGreaterThan(3);
    const run = await engine.run(language, readFileSync(join(place, source), 'utf8'), { inputs, owner: 'mallory' });
    expect(run).toMatchObject(honest);
    expect(run.files).toEqual({});
  });

  it.each([
    ['wants another toolchain', 'module m\n\ngo 1.99\n\ntoolchain go1.99.0\n', ''],
    ['is not there', 'module m\n\ngo 1.24\n\nrequire example.com/evil v1.0.0\n', 'import _ "example.com/evil"'],
    [
      'is anywhere else',
      'module m\n\ngo 1.24\n\nrequire e v0.0.0\n\nreplace e => ../../usr/lib/go-1.24/src/cmd\n',
      'import _ "e/go"',
    ],
    ['has flags for a C compiler', 'module m\n\ngo 1.24\n', '// #cgo LDFLAGS: -fplugin=/mnt/data/evil.so\nimport "C"'],
  ])('make no Go program of what %s', async (_, mod, imports) => {
    const code = `package main\n\n${imports}\n\nfunc main() { println("it ran") }\n`;
    const run = await engine.run('go', code, { inputs: [input('go.mod', mod)], owner: 'mallory' });
    expect(run).toMatchObject({ stage: 'compile', outcome: 'completed', stdout: '' });
    expect(run.exitCode).not.toBe(0);
    expect(run.stderr).not.toContain('it ran');
  });
});

describe('one caller beside another', attacking('compile'), () => {
  it('is not given what the other compiled, however alike the two are', async () => {
    const poison = 'printf "#!/bin/sh\\necho $$ $(date +%s%N)\\n" > "$2"';
    const made = async (owner: string | undefined, code = poison, files: Record<string, string> = {}) => {
      const inputs = Object.entries(files).map(([path, content]) => input(path, content));
      return (await engine.run('hostile', code, { inputs, ...(owner !== undefined && { owner }) })).stdout;
    };
    const first = await made('mallory');
    expect(await made('mallory')).toBe(first);
    const others = [
      await made('alice'),
      await made('mallor'),
      await made('mallory,'),
      await made(undefined),
      await made('mallory', poison, { 'a.h': '1' }),
      await made('mallory', poison, { 'a.h': '2' }),
      await made('mallory', `${poison} `),
    ];
    expect(new Set([first, ...others]).size).toBe(others.length + 1);
    expect(await made('alice')).toBe(others[0]);
  });
});

describe('two keys of one server', attacking('compile'), () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      env: { DRAGOMAN_RATE_LIMITS: 'off', DRAGOMAN_API_KEYS: 'ann:ann-key-0123456789,bob:bob-key-0123456789' },
    });
  });
  afterAll(() => server.stop());

  it('have each their own program of one source', async () => {
    const code = '#include <stdio.h>\nint main(void) { puts(__TIME__); return 0; }\n';
    const run = async (key: string) => (await exec({ ...server, key }, { lang: 'c', code })).stdout;
    const first = await run('ann-key-0123456789');
    expect(first).toMatch(/^\d\d:\d\d:\d\d\n$/);
    await sleep(1100);
    const second = await run('bob-key-0123456789');
    expect(second).toMatch(/^\d\d:\d\d:\d\d\n$/);
    expect(second).not.toBe(first);
    expect(await run('ann-key-0123456789')).toBe(first);
  });
});
