import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsOf, loadRuntimes } from '../../src/engine/index.ts';
import { exec } from '../support/client.ts';
import { startEngine, type TestEngine, testLimits } from '../support/engine.ts';
import { input } from '../support/input.ts';
import { type CellAnswer, nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { atPace } from '../support/tier.ts';

const runtimesDir = fileURLToPath(new URL('../../runtimes', import.meta.url));
const all = [
  'bash',
  'c',
  'cpp',
  'd',
  'fortran',
  'go',
  'java',
  'javascript',
  'php',
  'python',
  'r',
  'rust',
  'typescript',
];
/** What LibreChat's clients send. */
const sent = ['py', 'js', 'ts', 'c', 'cpp', 'java', 'php', 'rs', 'go', 'd', 'f90', 'r', 'bash'];

interface Language {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly compile: readonly string[] | null;
  readonly run: readonly string[];
}

describe('the languages of a server', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ env: { DRAGOMAN_RATE_LIMITS: 'off' } });
  });
  afterAll(() => server.stop());

  it('are told with names, versions and commands', { timeout: atPace(60_000) }, async () => {
    const { languages } = await nativeClient(server).json<{ languages: Language[] }>('GET', '/languages');
    expect(languages.map(({ name }) => name)).toEqual(all);
    const words = languages.flatMap(({ name, aliases }) => [name, ...aliases]);
    expect(sent.filter((word) => !words.includes(word))).toEqual([]);
    for (const { name, versions, run, compile } of languages) {
      expect(Object.values(versions), name).toEqual([expect.stringMatching(/^\d+(\.\d+)+$/)]);
      expect(run.length, name).toBeGreaterThan(0);
      const compiled = ['c', 'cpp', 'd', 'fortran', 'go', 'java', 'rust'].includes(name);
      expect(compile !== null, name).toBe(compiled);
    }
  });

  it('are named where a request wants another', async () => {
    const answer = await exec(server, { lang: 'cobol', code: 'DISPLAY 1' });
    expect(answer.httpStatus).toBe(400);
    expect(answer.error).toBe(`Unsupported language: cobol (this image has ${all.join(', ')})`);
  });

  it('tell what compiling took apart from the run', async () => {
    const body = { language: 'c', code: `int main(void) { return 0; } // ${Date.now()}` };
    const run = () => nativeClient(server).json<CellAnswer>('POST', '/executions', body);
    const amounts = { cpu_ms: expect.any(Number), wall_ms: expect.any(Number), peak_memory_bytes: expect.any(Number) };
    const first = await run();
    expect(first).toMatchObject({ stage: 'run', exit_code: 0, usage: amounts, compile_usage: amounts });
    expect(first.compile_usage!.cpu_ms).toBeGreaterThan(5);
    expect(first.compile_usage!.peak_memory_bytes).toBeGreaterThan(first.usage.peak_memory_bytes);
    const nothing = { cpu_ms: 0, wall_ms: 0, peak_memory_bytes: 0 };
    expect(await run()).toMatchObject({ stage: 'run', compile_usage: nothing });
    const broken = { language: 'c', code: 'int main(void) { return x; }' };
    expect(await nativeClient(server).json('POST', '/executions', broken)).toMatchObject({
      stage: 'compile',
      outcome: 'completed',
      exit_code: 1,
      usage: nothing,
      compile_usage: amounts,
      stderr: expect.stringContaining('main.c:1:'),
    });
  });
});

it('are those whose files the image has', () => {
  const root = mkdtempSync(join(tmpdir(), 'root-'));
  try {
    mkdirSync(join(root, 'usr/bin'), { recursive: true });
    for (const program of ['gcc', 'php']) writeFileSync(join(root, 'usr/bin', program), '');
    const names = loadRuntimes(runtimesDir, root).runtimes.map(({ name }) => name);
    expect(names).toEqual(['bash', 'c', 'php', 'python']);
  } finally {
    rmSync(root, { recursive: true });
  }
});

describe.concurrent('C++, whose headers and formatting are compiled ahead', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine({ limits: { memoryBytes: 512 * 1024 ** 2, wallMs: atPace(30_000) } });
  });
  afterAll(() => engine.close());

  it.each([
    ['everything', '#include <bits/stdc++.h>'],
    ['streams', '#include <iostream>\n#include <format>\n#include <print>\n#include <sstream>'],
    [
      'none of it, because of a macro of its own',
      '#define _OWN 1\n#include <iostream>\n#include <print>\n#include <sstream>',
    ],
  ])('formats as ever: %s', { timeout: atPace(60_000) }, async (_, headers) => {
    const code = `${headers}
struct Point { int x; };
template <> struct std::formatter<Point> : std::formatter<int> {
  auto format(Point p, auto& context) const { return std::formatter<int>::format(p.x, context); }
};
int main() {
  std::ostringstream text;
  std::print(text, "{:>6.2f}|{:#x}|{:04}", 2.5, 255, Point{7});
  std::println("{} {}", text.str(), "ü");
  std::wcout << std::format(L"{:*^5}", 42) << std::endl;
  try { (void)std::vformat("{:d}", std::make_format_args("text")); }
  catch (const std::format_error& error) { std::cout << "refused" << std::endl; }
}`;
    const wanted = '  2.50|0xff|0007 ü\n*42**\nrefused\n';
    expect(await engine.run('cpp', code)).toMatchObject({ stage: 'run', exitCode: 0, stdout: wanted, stderr: '' });
  });

  it('hears what a source tells the library before its headers', { timeout: atPace(60_000) }, async () => {
    const checked = '#include <bits/stdc++.h>\nint main() { std::vector<int> v(1); v.reserve(9); return v[3]; }';
    expect(await engine.run('cpp', checked)).toMatchObject({ stage: 'run', signal: null });
    const debug = await engine.run('cpp', `#define _GLIBCXX_DEBUG\n${checked}`);
    expect(debug).toMatchObject({ stage: 'run', signal: 'SIGABRT' });
    expect(debug.stderr).toContain('out-of-bounds index 3');
  });
});

describe.concurrent('what each language is known for', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine({ limits: { memoryBytes: 512 * 1024 ** 2, wallMs: atPace(30_000) } });
  });
  afterAll(() => engine.close());
  const printed = (stdout: string) => ({ outcome: 'completed', exitCode: 0, stdout, stderr: '', stage: 'run' });

  it('R draws without a window system', { timeout: atPace(60_000) }, async () => {
    const code = 'library(ggplot2)\nplot(1:3)\nprint(ggplot(mtcars, aes(wt, mpg)) + geom_point())';
    const run = await engine.run('r', code);
    expect(run).toMatchObject({ exitCode: 0 });
    expect(Object.keys(run.files)).toEqual(['plot_1.png', 'plot_2.png']);
    for (const content of Object.values(run.files)) expect(content.subarray(1, 4).toString()).toBe('PNG');
  });

  it.each(['echo strlen("four"), PHP_EOL;', '<?php echo strlen("four"), PHP_EOL;', '<?= strlen("four") ?>\n\n'])(
    'PHP runs %j',
    { timeout: atPace(60_000) },
    async (code) => {
      expect(await engine.run('php', code)).toMatchObject({ ...printed(expect.stringMatching(/^4\n+$/)) });
    },
  );

  it.each([
    'public class Anything { public static void main(String[] words) { System.out.println("ran"); } }',
    'class Helper {} class Other { public static void main(String... words) { System.out.println("ran"); } }',
    'package some.place; public record Point(int x) { public static void main(String[] words) { System.out.println("ran"); } }',
    'void main() { IO.println("ran"); }',
  ])('Java runs %j', { timeout: atPace(60_000) }, async (code) => {
    expect(await engine.run('java', code)).toMatchObject(printed('ran\n'));
  });

  it('C has threads of OpenMP where its source, or one beside it, names them', {
    timeout: atPace(60_000),
  }, async () => {
    const asking = '#include <stdio.h>\nint threads(void);\nint main(void) { printf("%d\\n", threads()); }\n';
    const telling = (line: string) =>
      `int threads(void) {\n${line}\n#ifdef _OPENMP\n  return 1;\n#else\n  return 0;\n#endif\n}\n`;
    const pragma = '#  pragma\tomp barrier';
    const run = async (code: string, beside?: string) =>
      (await engine.run('c', code, { inputs: beside === undefined ? [] : [input('beside.c', Buffer.from(beside))] }))
        .stdout;
    expect(await run(telling('') + asking)).toBe('0\n');
    expect(await run(telling(pragma) + asking)).toBe('1\n');
    expect(await run(`#include <omp.h>\n${telling('')}${asking}`)).toBe('1\n');
    expect(await run(asking, telling(''))).toBe('0\n');
    expect(await run(asking, telling(pragma))).toBe('1\n');
  });

  it('C has the mathematical library by its headers, by those beside the source, and by names alone', {
    timeout: atPace(60_000),
  }, async () => {
    const root = (declared: string) =>
      `#include <stdio.h>\n${declared}\nint main(int count, char **words) { printf("%.1f\\n", sqrt(count + 8.0)); }\n`;
    const own = '#include <math.h>\n';
    expect(await engine.run('c', root(own))).toMatchObject(printed('3.0\n'));
    const beside = [input('own.h', Buffer.from(own))];
    expect(await engine.run('c', root('#include "own.h"'), { inputs: beside })).toMatchObject(printed('3.0\n'));
    expect(await engine.run('c', root('double sqrt(double);'))).toMatchObject(printed('3.0\n'));
    const missing = await engine.run(
      'c',
      root('double sqrt(double);\nint missing(void);').replace('count +', 'missing() +'),
    );
    expect(missing).toMatchObject({ stage: 'compile', exitCode: 1, stdout: '' });
    expect(missing.stderr.match(/undefined symbol: \w+/g)).toEqual(['undefined symbol: missing']);
  });

  it('TypeScript awaits at its top, and names its own lines', { timeout: atPace(60_000) }, async () => {
    const code =
      'enum Size {\n  Small = 1,\n}\ninterface Box {\n  size: Size;\n}\nconst box: Box = await Promise.resolve({ size: Size.Small });\n';
    expect(await engine.run('ts', `${code}console.log(box.size);`)).toMatchObject(printed('1\n'));
    const failing = await engine.run('ts', `${code}throw new Error('at the end');`);
    expect(failing.exitCode).toBe(1);
    expect(failing.stderr).toContain('main.ts:8:');
  });
});

describe('a language', () => {
  let folder: string;
  let engine: TestEngine;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'runtimes-'));
    cpSync(runtimesDir, folder, { recursive: true });
    mkdirSync(join(folder, 'awk'));
    writeFileSync(join(folder, 'awk/build.sh'), 'sed "s/GREETING/hello/" "$1" > "$2"\n');
    writeFileSync(
      join(folder, 'awk/runtime.json'),
      JSON.stringify({
        title: 'AWK',
        aliases: ['mawk'],
        entry: 'main.awk',
        requires: '/usr/bin/awk',
        compile: { argv: ['sh', '/opt/dragoman/runtimes/awk/build.sh', '{name}', '{output}'], output: 'program.awk' },
        run: { kind: 'program', argv: ['awk', '-f', '{output}', '{args}'], env: { WHO: 'world' } },
        versions: { awk: ['sh', '-c', 'awk -W version 2>&1'] },
        template: { default: 'light' },
      }),
    );
    engine = await startEngine({ runtimesDir: folder });
  });
  afterAll(async () => {
    await engine?.close();
    rmSync(folder, { recursive: true });
  });

  it('is added by adding a folder', async () => {
    const { catalogue } = engine.engine;
    const awk = catalogue.find('MAWK')!;
    expect(commandsOf(awk, catalogue).run).toEqual(['awk', '-f', '{output}', '{args}']);
    const code = 'BEGIN { print "GREETING", ENVIRON["WHO"], ARGV[1] }';
    expect(await engine.run('mawk', code, { args: ['argument'] })).toMatchObject({
      outcome: 'completed',
      exitCode: 0,
      stdout: 'hello world argument\n',
      stderr: '',
      stage: 'run',
    });
    const told = await engine.engine.versions(testLimits);
    expect(told.get('awk')!.awk).toMatch(/^\d+(\.\d+)+/);
  });
});
