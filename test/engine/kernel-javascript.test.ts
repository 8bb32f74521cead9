import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { displays, openFor, result } from '../support/cells.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const collect = 'require("v8").setFlagsFromString("--expose-gc"); require("vm").runInNewContext("gc")()';

async function openConsole(language = 'javascript', atEnd?: TestContext['onTestFinished']) {
  const session = await openFor(engine, {}, atEnd);
  return (code: string, wallMs = 10_000) => session.run(code, { language, limits: { wallMs } });
}

describe('a JavaScript cell', () => {
  it('shows its last value, and leaves its names to the next, which may declare them again', async () => {
    const run = await openConsole();
    expect(await run('const x = 1; let y = 2; class A {}; function f() { return x + y }; f()')).toMatchObject({
      value: '3',
    });
    expect(await run('const x = 5; class A { z = 1 }; [f(), new A()]')).toMatchObject({ value: '[ 7, A { z: 1 } ]' });
    expect(await run('"use strict"; let y = x; y;')).toMatchObject({ value: '5' });
  });

  it('awaits at top level, and what its last value promises', async () => {
    const run = await openConsole();
    expect(await run('const v = await new Promise((r) => setTimeout(r, 20, 7)); v')).toMatchObject({ value: '7' });
    expect(await run('async function main() { console.log("in"); return v + 1 }\nmain()')).toMatchObject({
      stdout: 'in\n',
      value: '8',
    });
  });

  it.each([
    [
      '{ a: [1, { b: null }] }',
      { 'text/plain': '{ a: [ 1, { b: null } ] }', 'application/json': { a: [1, { b: null }] } },
    ],
    ['[1, 2].map((n) => n * 2)', { 'text/plain': '[ 2, 4 ]', 'application/json': [2, 4] }],
    ['new Map([[1, "x"]])', { 'text/plain': "Map(1) { 1 => 'x' }" }],
    ['10n ** 20n', { 'text/plain': '100000000000000000000n' }],
    ['-0', { 'text/plain': '-0' }],
    ['null', { 'text/plain': 'null' }],
    ['Symbol("s")', { 'text/plain': 'Symbol(s)' }],
    ['const loop = []; loop.push(loop); loop', { 'text/plain': '<ref *1> [ [Circular *1] ]' }],
    ['({ _toHtml: () => "<b>" })', { 'text/html': '<b>' }],
    ['({ [Symbol.for("Jupyter.display")]: () => ({ "image/svg+xml": "<svg/>" }) })', { 'image/svg+xml': '<svg/>' }],
    ['Buffer.from("iVBORw0KGgo=", "base64")', { 'image/png': 'iVBORw0KGgo=' }],
  ])('shows %s in its forms', async (code, forms) => {
    const run = await openConsole();
    const cell = await run(code);
    expect(cell.stderr).toBe('');
    expect(result(cell)).toMatchObject(forms);
    expect('application/json' in result(cell)!).toBe('application/json' in forms);
    expect((await run('undefined')).outputs).toEqual([]);
  });

  it('imports as a module would, and requires', async () => {
    const run = await openConsole();
    await run(
      'require("fs").writeFileSync("m.mjs", "export default 1; export const two = 2; export const meta = import.meta.url")',
    );
    const imports = `import fs, { readFileSync as read } from 'node:fs';
import one, * as all from './m.mjs' // a comment: import x from 'y'
import { two, meta } from "./m.mjs"; import 'node:path'
import {
  join,
  sep as separator,
} from 'node:path'
const text = "import a from 'b'" + \`\${"import c from 'd'"}\` + /import e from 'f'/.source
export const exported = one + two
export default function named() { return exported }
;[one, all.two, meta, join('a', 'b'), separator, fs.existsSync('m.mjs'), typeof read, (await import('./m.mjs')).two, text.length]`;
    expect(result(await run(imports))?.['application/json']).toEqual([
      1,
      2,
      'file:///mnt/data/m.mjs',
      'a/b',
      '/',
      true,
      'function',
      2,
      51,
    ]);
    expect(await run('named() + exported')).toMatchObject({ value: '6' });
    expect(await run('const key = 1\nexport default { key }')).toMatchObject({ value: '{ key: 1 }' });
    expect(await run('export default class { static x = 7 }')).toMatchObject({
      value: expect.stringContaining('x: 7'),
    });
    expect(await run('export default function () {}')).toMatchObject({ value: '[Function (anonymous)]' });
    expect(await run('export default class Named extends Array {}; new Named().length')).toMatchObject({ value: '0' });
    expect(await run('\n\nimport x from "nosuch"')).toMatchObject({
      error: { value: expect.stringContaining("'nosuch'") },
    });
  });

  it('writes to its streams in order, all of it before its end', async () => {
    const run = await openConsole();
    const cell = await run(`process.stdout.write('a'); console.log('b', { c: 1 }); console.error('problem')
require('child_process').execSync('echo child', { stdio: 'inherit' })
Promise.resolve().then(() => console.log('later')); console.log('x'.repeat(50_000).length); void 0`);
    expect(cell).toMatchObject({ stdout: 'ab { c: 1 }\nchild\n50000\nlater\n', stderr: 'problem\n', outputs: [] });
    expect(await run('process.stdout.end(); process.stdout.destroy()')).toMatchObject({ exitCode: 0 });
    expect(await run('console.log("still")')).toMatchObject({ stdout: 'still\n' });
    // A child of node's makes the pipe one that does not wait: neither this kernel nor another's may lose output by it.
    await run('require("child_process").execSync("node -e \'process.stdout.write(String())\'", { stdio: "inherit" })');
    expect((await run('process.stdout.write("y".repeat(300_000)); void 0')).stdout.length).toBeGreaterThan(60_000);
  });

  it('shows what display() is given, 200 times', async () => {
    const run = await openConsole();
    const some = await run('display({ "text/html": "<p>" }, { raw: true }); display(1, [2])');
    expect(displays(some)).toEqual([
      { 'text/html': '<p>' },
      { 'text/plain': '1' },
      { 'text/plain': '[ 2 ]', 'application/json': [2] },
    ]);
    const many = await run('for (let i = 0; i < 1000; i++) display(i)');
    expect(displays(many)).toHaveLength(200);
    expect(many).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('more than 200 displays') });
    const large = await run('display({ "text/html": "y".repeat(2_000_000) }, { raw: true })');
    expect(displays(large)).toEqual([{ 'text/plain': expect.stringContaining('written to output_1.html') }]);
  });

  it('ends by errors as node words them, with the lines of the cell and no frames of ours', async () => {
    const run = await openConsole();
    await run('function fail() {\n  throw new TypeError("no", { cause: new Error("inner") })\n}');
    const cell = await run('\nfail()');
    expect(cell).toMatchObject({ exitCode: 1, interpreter: 'kept', error: { name: 'TypeError', value: 'no' } });
    expect(cell.stderr).toBe(
      [
        'TypeError: no',
        '    at fail (cell-1.js:2:9)',
        '    at cell-2.js:2:1 {',
        '  [cause]: Error: inner',
        '      at fail (cell-1.js:2:38)',
        '      at cell-2.js:2:1',
        '}',
        '',
      ].join('\n'),
    );
    expect((await run('let a = 1\nlet b = 1 +* 2')).stderr).toBe(
      "cell-3.js:2\nlet b = 1 +* 2\n           ^\n\nSyntaxError: Unexpected token '*'\n",
    );
    // An error that the cell itself shows has no frames of ours either.
    expect(await run('try { null.x } catch (error) { console.log(error.stack) }\nnew Error("value")')).toMatchObject({
      stdout: "TypeError: Cannot read properties of null (reading 'x')\n    at cell-4.js:1:12\n",
      value: 'Error: value\n    at cell-4.js:2:1',
    });
    expect(await run('throw 5')).toMatchObject({ error: { name: 'Uncaught', value: '5' } });
    const liar = 'throw Object.defineProperty(new Error(), "stack", { get() { throw new Error("twice") } })';
    expect(await run(liar)).toMatchObject({ exitCode: 1, interpreter: 'kept' });
    expect(await run('({ [require("util").inspect.custom]() { throw new Error("not me") } })')).toMatchObject({
      exitCode: 1,
      error: { value: 'not me' },
    });
  });

  it('lives through errors that nothing awaits', async () => {
    const run = await openConsole();
    await run('globalThis.x = 1');
    expect(
      await run('setTimeout(() => { throw new Error("late") }); await new Promise((r) => setTimeout(r, 30)); 2'),
    ).toMatchObject({
      exitCode: 1,
      interpreter: 'kept',
      value: '2',
      error: { value: 'late' },
      stderr: expect.stringContaining('Error: late\n    at '),
    });
    expect(await run('Promise.reject(new Error("nobody")); x')).toMatchObject({
      error: { value: 'nobody' },
      value: '1',
    });
  });

  it.each([
    ['process.exit(3)', 3],
    ['process.exitCode = 4; process.exit()', 4],
    ['setTimeout(() => process.exit(5)); await new Promise(() => {})', 5],
    ['process.exitCode = 6', 6],
  ])('ends by %s with that code, and the interpreter stays', async (code, exitCode) => {
    const run = await openConsole();
    await run('globalThis.x = 1');
    expect(await run(code)).toMatchObject({ exitCode, error: null, interpreter: 'kept' });
    expect(await run('x')).toMatchObject({ value: '1', exitCode: 0 });
  });

  // Each waits for its time limit, so some of them do it at once.
  it.concurrent.for([
    ['loops', 'while (true) n++'],
    ['loops and catches everything', 'while (true) try { while (true) n++ } catch {}'],
    ['loops after a wait', 'await new Promise((r) => setTimeout(r, 5)); while (true) n++'],
    ['loops in a timer', 'setInterval(() => { while (true) n++ }); await new Promise(() => {})'],
    ['loops in an immediate', 'setImmediate(() => { while (true) n++ }); await new Promise(() => {})'],
    [
      'loops in a callback',
      'require("fs").readFile("/etc/passwd", () => { while (true) n++ }); await new Promise(() => {})',
    ],
    ['waits for a child', 'n++; require("child_process").execSync("sleep 60")'],
    ['waits for nothing', 'n++; await new Promise(() => {})'],
    ['sleeps in a lock', 'n++; Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'],
    ['promises nothing', 'n++; new Promise(() => {})'],
  ] as const)('that %s is interrupted, and its names survive', async ([, code], { onTestFinished }) => {
    const run = await openConsole('javascript', onTestFinished);
    await run('var n = 0; await new Promise((r) => setTimeout(r, 1000))');
    expect(await run(code, 2000)).toMatchObject({ outcome: 'timed_out', interpreter: 'kept' });
    expect(await run('n > 0')).toMatchObject({ value: 'true', interpreter: 'kept' });
    // Promises of cells that never ended must not be missed when memory is collected.
    expect(await run(`${collect}; 1`)).toMatchObject({
      value: '1',
      interpreter: 'kept',
    });
  });

  it('that is interrupted waits no more: its timers are gone', async () => {
    const run = await openConsole();
    await run('var n = 0; await new Promise((r) => setTimeout(r, 1000))');
    const sleeps =
      'import { setTimeout as sleep } from "node:timers/promises"\nsetInterval(() => n++, 5); while (true) { await sleep(5); n++ }';
    expect(await run(sleeps, 2000)).toMatchObject({
      outcome: 'timed_out',
      interpreter: 'kept',
      stderr: 'Interrupted\n',
    });
    expect(
      await run('const before = n; await new Promise((r) => setTimeout(r, 100)); [before > 0, n === before]'),
    ).toMatchObject({
      value: '[ true, true ]',
      stderr: '',
    });
  });

  it.each([
    ['kills its process', 'process.kill(process.pid, "SIGKILL")', { outcome: 'completed', signal: 'SIGKILL' }],
    ['aborts', 'process.abort()', { outcome: 'completed', signal: 'SIGABRT' }],
    [
      'takes all memory',
      'const all = []; for (;;) all.push(new Uint8Array(1 << 24).fill(1))',
      { outcome: 'out_of_memory' },
    ],
  ])('that %s loses its interpreter, and says so', async (_, code, end) => {
    const run = await openConsole();
    await run('globalThis.x = 1');
    expect(await run(code)).toMatchObject({ interpreter: 'lost', ...end });
    expect(await run('typeof x')).toMatchObject({ value: "'undefined'", interpreter: 'kept' });
  });
});

describe('a TypeScript cell', () => {
  it('is JavaScript without its types, in the same interpreter', async () => {
    const session = await openFor(engine);
    const code = `import { type Dirent, readdirSync } from 'node:fs'
import type { Stats } from 'node:fs'
interface Point { x: number; label?: string }
const point: Point = { x: 1 };
function first<T>(list: T[]): T | undefined { return list[0] }
first<Point>([point])!.x satisfies number`;
    expect(await session.run(code, { language: 'typescript' })).toMatchObject({ value: '1', stderr: '' });
    expect(await session.run('point.x + 1', { language: 'javascript' })).toMatchObject({ value: '2' });
  });

  it('may need translation, and its lines stay', async () => {
    const run = await openConsole('typescript');
    const code = `enum Color { Red, Green = 5 }
namespace Space { export const depth = 3 }
class Box { constructor(private held: number) {} get() { return this.held } }


function fail(): never {
  throw new Error('line 7')
}
[Color.Green, Space.depth, new Box(2).get()]`;
    expect(await run(code)).toMatchObject({ value: '[ 5, 3, 2 ]', stderr: '' });
    expect((await run('fail()')).stderr).toBe('Error: line 7\n    at fail (cell-1.ts:7:9)\n    at cell-2.ts:1:1\n');
    expect((await run('enum Other { A }\nconst n: number = ;')).stderr).toBe(
      'cell-3.ts:2\nenum Other { A }\nconst n: number = ;\n                  ^\n\nSyntaxError: Expression expected\n',
    );
  });

  it('may have decorators', async () => {
    const run = await openConsole('typescript');
    const code = `import { join } from 'node:path'
function twice(method: (this: Pair) => number, context: ClassMethodDecoratorContext) {
  return function (this: Pair) { return [context.name, 2 * method.call(this)] as any }
}
class Pair { @twice one(): number { return 1 } }
if (join('a', 'b') !== 'a/b') throw new Error()
throw new Error('line 7')`;
    expect(await run(code)).toMatchObject({
      stderr: 'Error: line 7\n    at cell-1.ts:7:7\n',
    });
    expect(await run('new Pair().one()')).toMatchObject({ value: "[ 'one', 2 ]", stderr: '' });
    expect(await run('/** @param to whom */ const mail: string = "a @home"; mail')).toMatchObject({
      value: "'a @home'",
    });
  });
});
