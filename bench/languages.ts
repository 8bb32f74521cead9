import { randomUUID } from 'node:crypto';
import type { TestServer } from '../test/support/server.ts';
import type { Bare } from './bare.ts';
import { exec } from './latency.ts';
import { median, table } from './statistics.ts';

interface Hello {
  readonly lang: string;
  readonly file: string;
  readonly code: string;
  /** Begins a comment to the end of the line: a program that was not compiled before differs in one. */
  readonly comment: string;
  /** What one types at a shell beside the file; nothing to compile, no `build`. */
  readonly build?: string;
  readonly run: string;
}

const rounds = 7;
const pauseMs = 120;

const hellos: readonly Hello[] = [
  { lang: 'py', file: 'm.py', code: 'print("hello")', comment: '#', run: 'python3 m.py' },
  { lang: 'js', file: 'm.js', code: 'console.log("hello")', comment: '//', run: 'node m.js' },
  {
    lang: 'ts',
    file: 'm.ts',
    code: 'const s: string = "hello"; console.log(s)',
    comment: '//',
    run: 'node --experimental-transform-types --disable-warning=ExperimentalWarning m.ts',
  },
  { lang: 'bash', file: 'm.sh', code: 'echo hello', comment: '#', run: 'bash m.sh' },
  { lang: 'php', file: 'm.php', code: '<?php echo "hello";', comment: '//', run: 'php m.php' },
  { lang: 'r', file: 'm.R', code: 'cat("hello\\n")', comment: '#', run: 'Rscript m.R' },
  {
    lang: 'c',
    file: 'm.c',
    code: '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }',
    comment: '//',
    build: 'gcc -o p m.c',
    run: './p',
  },
  {
    lang: 'cpp',
    file: 'm.cpp',
    code: '#include <iostream>\n#include <vector>\n#include <string>\nint main() { std::cout << "hello\\n"; }',
    comment: '//',
    build: 'g++ -o p m.cpp',
    run: './p',
  },
  {
    lang: 'f90',
    file: 'm.f90',
    code: 'program hello\nprint *, "hello"\nend program',
    comment: '!',
    build: 'gfortran -o p m.f90',
    run: './p',
  },
  {
    lang: 'rs',
    file: 'm.rs',
    code: 'fn main() { println!("hello"); }',
    comment: '//',
    build: 'rustc -o p m.rs',
    run: './p',
  },
  {
    lang: 'd',
    file: 'm.d',
    code: 'import std.stdio;\nvoid main() { writeln("hello"); }',
    comment: '//',
    build: 'ldc2 -of=p m.d',
    run: './p',
  },
  {
    lang: 'go',
    file: 'm.go',
    code: 'package main\nimport "fmt"\nfunc main() { fmt.Println("hello") }',
    comment: '//',
    build: 'GOCACHE=/tmp/gocache GOFLAGS=-buildvcs=false go build -o p m.go',
    run: './p',
  },
  {
    lang: 'java',
    file: 'M.java',
    code: 'public class M { public static void main(String[] a) { System.out.println("hello"); } }',
    comment: '//',
    build: 'javac M.java',
    run: 'java M',
  },
];

/** Hello through `POST /v1/exec`, seen for the first time and again, against the same image's own toolchain, in turn. */
export async function languages(server: TestServer, bare: Bare): Promise<void> {
  const rows = [];
  for (const { lang } of hellos) {
    const { first, again, built, ran } = await helloIn(server, bare, lang);
    const bareFirst = built + ran;
    rows.push([lang, first, bareFirst, first / bareFirst, again, ran, again / ran]);
  }
  console.log('Hello in every language, milliseconds (aims: 1.2 ×; node 0.5 ×, bash 2 ×)');
  table(['language', 'first', 'bare build + run', 'ratio', 'again', 'bare run', 'ratio'], rows);
}

/** Medians of hello in a language: ours seen for the first time and again, and bare build and run, in turn. */
export async function helloIn(server: TestServer, bare: Bare, language: string) {
  const { lang, file, code, comment, build, run } = hellos.find(({ lang }) => lang === language)!;
  const fresh = () => `${code}\n${comment} ${randomUUID()}\n`;
  const [first, again, built, ran]: [number[], number[], number[], number[]] = [[], [], [], []];
  await exec(server, lang, code);
  for (let round = 0; round < rounds; round++) {
    // For the bare toolchain it is new every time, too: `go build` remembers what it has built.
    await bare.run(['sh', '-c', 'rm -f p; printf %s "$1" > "$2"', 'sh', fresh(), file]);
    built.push(build === undefined ? 0 : await rested(() => bare.run(['sh', '-c', build])));
    ran.push(await rested(() => bare.run(['sh', '-c', `exec ${run} > /dev/null`])));
    first.push(await rested(() => timed(() => exec(server, lang, fresh()))));
    again.push(await rested(() => timed(() => exec(server, lang, code))));
  }
  return { first: median(first), again: median(again), built: median(built), ran: median(ran) };
}

/** Both sides find a processor that has been idle, as the first request after a while does. */
async function rested<T>(work: () => Promise<T>): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  return work();
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
