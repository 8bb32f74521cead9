import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CompileCache } from '../../src/engine/index.ts';
import { type RunOptions, startEngine, type TestEngine, type TestRun } from '../support/engine.ts';
import { input } from '../support/input.ts';
import { atPace } from '../support/tier.ts';

/*
 * Every language against every property. A folder of languages/ has one program that does what its first argument says
 * (`program`), one with a mistake (`broken`) and one of several files (`parts`, its source called `main`).
 */
const folder = fileURLToPath(new URL('languages/', import.meta.url));
const languages = readdirSync(folder).sort();
const MiB = 1024 * 1024;

/** How many numbers to look for primes in: about as long for each language. */
const work: Record<string, number> = { bash: 20_000, python: 150_000, r: 60_000, php: 600_000 };
const workOfOthers = 3_000_000;
/** What an interpreter may take on a busy machine before a program can say anything, in milliseconds. */
const slowStart: Record<string, number> = { r: 5000, java: 3000, javascript: 3000, typescript: 3000 };

interface Program {
  readonly language: string;
  readonly code: string;
  /** The number of the line that has this in it. */
  line(text: string): number;
}

const properties: Record<string, (program: Program) => Promise<void>> = {
  async unicode({ language, code }) {
    const { stdout, ...run } = await runMode(language, code, ['unicode'], { stdin: 'grüße 🌍\n' });
    expect(run).toMatchObject(success);
    expect(stdout).toBe('héllo 世界 🎉\ngrüße 🌍\n');
  },
  async arguments({ language, code }) {
    const words = ['two words', '--flag=ü', '$HOME', "quo'te"];
    const { stdout } = await runMode(language, code, ['args', ...words]);
    expect(stdout).toBe(`${words.join('\n')}\n`);
  },
  async 'empty stdin'({ language, code }) {
    const { stdout, usage } = await runMode(language, code, ['eof']);
    expect(stdout).toBe('0\n');
    expect(usage.wallMs).toBeLessThan(limits.wallMs);
  },
  async files({ language, code }) {
    const { files, inherited } = await runMode(language, code, ['files'], { inputs: [input('data/in.txt', '21\n')] });
    expect(files['out.txt']?.toString().trim()).toBe('42');
    expect(Object.keys(files)).toEqual(['out.txt']);
    expect(inherited).toEqual(['data/in.txt']);
  },
  async 'exit code'({ language, code }) {
    expect(await runMode(language, code, ['exit'])).toMatchObject({ outcome: 'completed', exitCode: 7, stage: 'run' });
  },
  async 'error line'({ language, code, line }) {
    const run = await runMode(language, code, ['crash']);
    expect(run.outcome).toBe('completed');
    expect(run.exitCode).not.toBe(0);
    expect(run.stderr).toMatch(new RegExp(`(line |[:#(])${line('the line that fails')}\\b`));
  },
  async mistakes({ language }) {
    const code = source(language, 'broken');
    const run = await engine.run(language, code, { limits });
    expect(run.outcome).toBe('completed');
    expect(run.exitCode).not.toBe(0);
    expect(run.stage).toBe(engine.engine.catalogue.find(language)?.compile ? 'compile' : 'run');
    expect(run.stdout).not.toContain('it ran');
    const line = code.split('\n').findIndex((it) => it.includes('broken')) + 1;
    expect(run.stderr).toMatch(new RegExp(`(line |[:#(])${line}\\b`));
    expect(run.stderr.toLowerCase()).toMatch(/error|unexpected|cannot/);
  },
  async threads({ language, code }) {
    const { stdout, stderr } = await runMode(language, code, ['threads']);
    expect(stdout + stderr).toBe('1450\n');
  },
  async library({ language, code }) {
    const { stdout } = await runMode(language, code, ['library']);
    expect(stdout).toBe('apple:2 banana:1\n');
  },
  async 'cpu work'({ language, code }) {
    const limit = work[language] ?? workOfOthers;
    const { stdout, usage } = await runMode(language, code, ['work', String(limit)]);
    expect(Number(stdout)).toBe(primesBelow(limit));
    expect(usage.cpuMs).toBeGreaterThan(100);
  },
  async 'several files'({ language }) {
    const parts = join(folder, language, 'parts');
    const paths = readdirSync(parts, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(parts.length + 1));
    const main = paths.find((path) => path.startsWith('main.'))!;
    const inputs = paths.filter((path) => path !== main).map((path) => input(path, readFileSync(join(parts, path))));
    const run = await engine.run(language, readFileSync(join(parts, main), 'utf8'), { inputs, limits });
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout.trim()).toBe('parts 42');
    expect(run.files).toEqual({});
  },
  async 'time limit'({ language, code }) {
    const wallMs = atPace(slowStart[language] ?? 1000);
    const run = await runMode(language, code, ['endless'], { limits: { ...limits, wallMs } });
    expect(run).toMatchObject({ outcome: 'timed_out', stage: 'run' });
    expect(run.stdout).toBe('before\n');
  },
  async usage({ language, code }) {
    const first = await runMode(language, `${code}\n`, ['exit']);
    expect(first.usage.wallMs).toBeGreaterThan(0);
    expect(first.usage.peakMemoryBytes).toBeGreaterThan(0);
    if (!engine.engine.catalogue.find(language)?.compile) return expect(first.compileUsage).toBeNull();
    expect(first.compileUsage?.cpuMs).toBeGreaterThan(10);
    expect(first.compileUsage?.peakMemoryBytes).toBeGreaterThan(MiB);
    // Once compiled, it is not compiled again.
    expect((await runMode(language, `${code}\n`, ['exit'])).compileUsage).toMatchObject({ wallMs: 0 });
  },
};

const success = { outcome: 'completed', exitCode: 0, signal: null, stderr: '', stage: 'run' };
// A compiler has a fraction of a processor while other languages are tested beside it.
const limits = { wallMs: Math.max(60_000, atPace(30_000)), memoryBytes: 512 * MiB };
const table = new Map<string, Map<string, string>>();
let engine: TestEngine;
let compiled: string;

beforeAll(async () => {
  compiled = mkdtempSync(join(tmpdir(), 'compiled-'));
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  engine = await startEngine({
    limits,
    compileCache: new CompileCache({ directory: compiled, maxBytes: 256 * MiB, logger }),
  });
});
afterAll(async () => {
  await engine?.close();
  rmSync(compiled, { recursive: true });
  console.log(render());
});

it('covers every language there is', () => {
  expect(languages).toEqual(engine.engine.catalogue.runtimes.map(({ name }) => name));
});

// Languages beside each other: an interpreter waits for its time limit while a compiler works. What is compiled first serves what comes after.
describe.concurrent.each(languages)('%s', (language) => {
  it.each(Object.keys(properties))('%s', { timeout: atPace(120_000), concurrent: false }, async (property) => {
    const row = table.get(language) ?? new Map<string, string>();
    table.set(language, row.set(property, 'FAILS'));
    const code = source(language, 'program');
    const line = (text: string) => code.split('\n').findIndex((it) => it.includes(text)) + 1;
    await properties[property]!({ language, code, line });
    row.set(property, 'yes');
  });
});

function source(language: string, name: string): string {
  const file = readdirSync(join(folder, language)).find((it) => it.startsWith(`${name}.`))!;
  return readFileSync(join(folder, language, file), 'utf8');
}

/** The mode is the program's first argument, so that one compilation serves them all. */
function runMode(language: string, code: string, args: string[], options: RunOptions = {}): Promise<TestRun> {
  return engine.run(language, code, { limits, ...options, args, owner: 'conformance' });
}

function primesBelow(limit: number): number {
  const composite = new Uint8Array(limit);
  let count = 0;
  for (let n = 2; n < limit; n++) {
    if (composite[n]) continue;
    count++;
    for (let m = n * n; m < limit; m += n) composite[m] = 1;
  }
  return count;
}

function render(): string {
  const names = Object.keys(properties);
  const width = Math.max(...languages.map((it) => it.length));
  const cells = (language: string) =>
    names.map((name) => (table.get(language)?.get(name) ?? '-').padEnd(name.length)).join('  ');
  return [
    `${' '.repeat(width)}  ${names.join('  ')}`,
    ...languages.map((language) => `${language.padEnd(width)}  ${cells(language)}`),
  ].join('\n');
}
