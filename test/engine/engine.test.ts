import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecutionEvent } from '../../src/core/index.ts';
import { startEngine, type TestEngine, testLimits } from '../support/engine.ts';
import { input } from '../support/input.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const completed = { outcome: 'completed', exitCode: 0, signal: null, stderr: '' };

describe('a Python program', () => {
  it('reads stdin and arguments', async () => {
    const code = 'import sys\nprint(sys.stdin.read().upper(), sys.argv)';
    const run = await engine.run('python', code, { stdin: 'hällo\n', args: ['a b', '--x', ''] });
    expect(run).toMatchObject({ ...completed, stdout: "HÄLLO\n ['/mnt/data/main.py', 'a b', '--x', '']\n" });
  });

  it('finds the end of stdin where none was given', async () => {
    expect(await engine.run('python', 'import sys\nprint(repr(sys.stdin.read()))')).toMatchObject({
      ...completed,
      stdout: "''\n",
    });
  });

  it.each([
    ['import sys; sys.exit(3)', 3, ''],
    ['import sys; sys.exit()', 0, ''],
    ['import sys; sys.exit("no luck")', 1, 'no luck\n'],
    ['import os; os._exit(4)', 4, ''],
    ['raise SystemExit(257)', 1, ''],
    ['import os; os.execvp("sh", ["sh", "-c", "exit 5"])', 5, ''],
  ])('ends with the status it asks for: %s', async (code, exitCode, stderr) => {
    expect(await engine.run('python', code)).toMatchObject({ outcome: 'completed', exitCode, stderr });
  });

  it('has tracebacks of its own lines only', async () => {
    const run = await engine.run('python', 'def f(x):\n    return 1 / x\n\nf(0)');
    expect(run).toMatchObject({ outcome: 'completed', exitCode: 1, stdout: '' });
    expect(run.stderr).toBe(
      [
        'Traceback (most recent call last):',
        '  File "/mnt/data/main.py", line 4, in <module>',
        '    f(0)',
        '    ~^^^',
        '  File "/mnt/data/main.py", line 2, in f',
        '    return 1 / x',
        '           ~~^~~',
        'ZeroDivisionError: division by zero',
        '',
      ].join('\n'),
    );
  });

  it('is told of a syntax error as by Python', async () => {
    const run = await engine.run('python', 'print("a"\nx = 1');
    expect(run).toMatchObject({ exitCode: 1 });
    expect(run.stderr).toMatch(/^ {2}File "\/mnt\/data\/main.py", line 1\n.*\nSyntaxError: '\(' was never closed\n$/s);
  });

  it('is main, to itself and to what it pickles', async () => {
    const code = 'import pickle\nclass A: pass\nprint(__name__, __file__, type(pickle.loads(pickle.dumps(A()))) is A)';
    expect(await engine.run('python', code)).toMatchObject({
      ...completed,
      stdout: '__main__ /mnt/data/main.py True\n',
    });
  });

  it('waits for its threads and runs its exit functions', async () => {
    const code = [
      'import atexit, threading, time',
      'atexit.register(print, "atexit")',
      'threading.Thread(target=lambda: (time.sleep(0.05), print("thread"))).start()',
      'print("main")',
    ].join('\n');
    expect(await engine.run('python', code)).toMatchObject({ ...completed, stdout: 'main\nthread\natexit\n' });
  });

  it('goes on when a fork of it runs off its end', async () => {
    const code =
      'import os, sys\nif os.fork() == 0:\n    print("child")\n    sys.exit(3)\nprint(os.waitstatus_to_exitcode(os.wait()[1]))';
    expect(await engine.run('python', code)).toMatchObject({ ...completed, stdout: 'child\n3\n' });
  });

  it('may close every descriptor it has', async () => {
    const code = 'import os, sys\nprint("before", flush=True)\nos.closerange(0, 1024)\nsys.exit(6)';
    expect(await engine.run('python', code)).toMatchObject({ outcome: 'completed', exitCode: 6, stdout: 'before\n' });
  });

  it('starts processes in every way', async () => {
    const code = [
      'import asyncio, multiprocessing, os, subprocess',
      'def square(x): return x * x',
      'if __name__ == "__main__":',
      '    for method in ("fork", "spawn", "forkserver"):',
      '        with multiprocessing.get_context(method).Pool(2) as pool: print(method, pool.map(square, [2, 3]))',
      '    print(subprocess.check_output("echo $((6 * 7)) | cat", shell=True, text=True).strip())',
      '    print(os.system("exit 3") >> 8)',
      '    async def run(): return await (await asyncio.create_subprocess_exec("true")).wait()',
      '    print(asyncio.run(run()))',
    ].join('\n');
    const stdout = 'fork [4, 9]\nspawn [4, 9]\nforkserver [4, 9]\n42\n3\n0\n';
    expect(await engine.run('python', code)).toMatchObject({ ...completed, stdout });
  });

  it('imports a module that was staged beside it', async () => {
    const run = await engine.run('python', 'import tool\nprint(tool.double(21))', {
      inputs: [input('tool.py', 'def double(x):\n    return 2 * x\n')],
    });
    expect(run).toMatchObject({ ...completed, stdout: '42\n', files: {}, inherited: ['tool.py'] });
  });

  it('saves each figure it shows', async () => {
    const code =
      'import matplotlib.pyplot as plt\nfor i in range(2):\n    plt.plot([1, 2], [i, 3])\n    plt.show()\nprint(plt.get_fignums())';
    const run = await engine.run('python', code);
    expect(run).toMatchObject({ ...completed, stdout: '[]\n' });
    expect(Object.keys(run.files)).toEqual(['plot_1.png', 'plot_2.png']);
    for (const file of Object.values(run.files)) expect(file.subarray(1, 4).toString()).toBe('PNG');
  });
});

describe('a JavaScript program', () => {
  it('may await at its top and require all the same', async () => {
    const code = [
      'const fs = require("node:fs");',
      'const late = await new Promise((resolve) => setTimeout(resolve, 5, "late"));',
      'fs.writeFileSync("out.txt", late);',
      'console.log(late, process.argv.slice(1), fs.readFileSync(0, "utf8"));',
    ].join('\n');
    const run = await engine.run('javascript', code, { args: ['x'], stdin: 'in' });
    expect(run).toMatchObject({ ...completed, stdout: "late [ '/mnt/data/index.js', 'x' ] in\n" });
    expect(run.files['out.txt']!.toString()).toBe('late');
  });

  it.each([
    ['process.exit(3)', 3, null],
    ['process.exitCode = 4', 4, null],
    ['process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 5000)', null, 'SIGTERM'],
    ['process.abort()', null, 'SIGABRT'],
  ])('ends as it asks for: %s', async (code, exitCode, signal) => {
    expect(await engine.run('javascript', code)).toMatchObject({ outcome: 'completed', exitCode, signal });
  });

  it('is shown where an uncaught error was thrown', async () => {
    const run = await engine.run('javascript', 'function f() {\n  throw new Error("no");\n}\nf();');
    expect(run).toMatchObject({ outcome: 'completed', exitCode: 1, stdout: '' });
    expect(run.stderr).toMatch(/^\/mnt\/data\/index.js:2\n {2}throw new Error\("no"\);/);
    expect(run.stderr).not.toContain('/opt/dragoman');
  });
});

describe('a TypeScript program', () => {
  it('may hold enums, namespaces and parameter properties', async () => {
    const code = [
      'enum Colour { Red = "red", Green = "green" }',
      'namespace Shapes { export const sides = 4 }',
      'class Point { constructor(readonly x: number, private y: number) {} sum(): number { return this.x + this.y } }',
      'const point: Point = new Point(1, 2) satisfies Point;',
      'console.log(Colour.Green, Shapes.sides, point.sum(), await Promise.resolve<number>(7));',
    ].join('\n');
    expect(await engine.run('typescript', code)).toMatchObject({ ...completed, stdout: 'green 4 3 7\n' });
  });
});

describe('a Bash program', () => {
  it('has pipelines, arguments, stdin and the standard devices', async () => {
    const code = [
      'set -euo pipefail',
      'sort | tr "\\n" " "',
      'echo "$1 $# $(basename "$0")" > /dev/stdout',
      'echo problem > /dev/stderr',
      'diff <(echo a) <(echo a) && exit 9',
    ].join('\n');
    const run = await engine.run('bash', code, { args: ['a b', 'c'], stdin: '2\n1\n' });
    expect(run).toMatchObject({
      outcome: 'completed',
      exitCode: 9,
      stdout: '1 2 a b 2 script.sh\n',
      stderr: 'problem\n',
    });
  });

  it('ends by itself although its children go on', async () => {
    const run = await engine.run('bash', 'sleep 60 & yes > /dev/null & echo end');
    expect(run).toMatchObject({ ...completed, stdout: 'end\n' });
    expect(run.usage.wallMs).toBeLessThan(10_000);
  });
});

describe('output', () => {
  it('is text, whatever its bytes', async () => {
    const run = await engine.run('python', 'print("Grüße 👋 世界")\nimport os\nos.write(1, b"a\\xff\\n")');
    expect(run).toMatchObject({ ...completed, stdout: 'Grüße 👋 世界\na\ufffd\n', truncated: false });
  });

  it('keeps its head and its tail when it is long', async () => {
    const run = await engine.run('python', 'for i in range(20_000): print(f"line {i:05}")');
    expect(run).toMatchObject({ ...completed, truncated: true });
    expect(run.stdout.length).toBeLessThan(testLimits.outputBytes + 100);
    expect(run.stdout).toMatch(/^line 00000\n/);
    expect(run.stdout).toMatch(/\nline 19999\n$/);
    expect(run.stdout).toMatch(/\n\[… \d+ bytes left out …\]\n/);
  });

  it('arrives while the program runs', async () => {
    const seen: string[] = [];
    const code = 'import time\nprint("first")\ntime.sleep(0.2)\nprint("second")';
    const request = { language: 'python', code, args: [], stdin: undefined, inputs: [], limits: testLimits };
    const onEvent = (event: ExecutionEvent) => 'data' in event && seen.push(`${event.type} ${Buffer.from(event.data)}`);
    const run = await engine.engine.execute(request, { onEvent });
    run.release();
    expect(seen).toEqual(['stdout first\n', 'stdout second\n']);
  });
});

describe('files', () => {
  it('are told apart: made, changed, left alone, deleted, and those that may not change', async () => {
    const code = [
      'import os',
      'os.makedirs("deep/er")',
      'open("deep/er/made ü.txt", "w").write("made")',
      'open("empty", "w").close()',
      'open("data.bin", "wb").write(bytes(range(256)))',
      'open("changed.txt", "a").write(" more")',
      'os.remove("gone.txt")',
      'os.chmod("fixed.txt", 0o644); open("fixed.txt", "w").write("changed all the same")',
      'print(open("folder/same.txt").read())',
    ].join('\n');
    const run = await engine.run('python', code, {
      inputs: [
        input('changed.txt', 'some'),
        input('gone.txt', 'x'),
        input('folder/same.txt', 'same'),
        input('fixed.txt', 'fixed', { readOnly: true }),
      ],
    });
    expect(run).toMatchObject({ ...completed, stdout: 'same\n', artifactsTruncated: false });
    expect(Object.keys(run.files).sort()).toEqual(['changed.txt', 'data.bin', 'deep/er/made ü.txt', 'empty']);
    expect(run.files['changed.txt']!.toString()).toBe('some more');
    expect(run.files['data.bin']).toEqual(Buffer.from(Array.from({ length: 256 }, (_, index) => index)));
    expect(run.files.empty).toHaveLength(0);
    expect(run.inherited).toEqual(['folder/same.txt', 'fixed.txt']);
    expect(run.deleted).toEqual(['gone.txt']);
  });

  it('keep their names when the source would have the same', async () => {
    const inputs = [input('main.py', 'print("not me")'), input('main_2.py', 'print("nor me")')];
    const run = await engine.run('python', 'print(__file__, open("main.py").read())', { inputs });
    expect(run).toMatchObject({ ...completed, stdout: '/mnt/data/main_3.py print("not me")\n', files: {} });
    expect(run.inherited).toEqual(['main.py', 'main_2.py']);
  });

  it.each([undefined, 200])('too many for the workspace are refused, whenever it shows (%s)', async (readAfterMs) => {
    const inputs = Array.from({ length: testLimits.workspaceFiles + 5 }, (_, index) => input(`d/${index}`, 'x'));
    inputs.push(input('last', 'x', readAfterMs === undefined ? {} : { readAfterMs }));
    const run = engine.run('python', 'print(1)', { inputs });
    await expect(run).rejects.toMatchObject({
      code: 'invalid_request',
      message: /^the files do not fit: d\/\d+: No space/,
    });
  });
});

describe('a limit', () => {
  it('of time keeps what was printed and written', async () => {
    const code =
      'import sys\nprint("line")\nsys.stdout.write("part")\nsys.stdout.flush()\nopen("kept.txt", "w").write("kept")\nwhile True: pass';
    const run = await engine.run('python', code, { limits: { wallMs: 1500 } });
    expect(run).toMatchObject({ outcome: 'timed_out', exitCode: null, signal: 'SIGKILL', stdout: 'line\npart' });
    expect(run.files['kept.txt']!.toString()).toBe('kept');
    expect(run.usage.wallMs).toBeLessThan(5000);
  });

  it('of time holds for every language', async () => {
    const run = (language: string, code: string) => engine.run(language, code, { limits: { wallMs: 3000 } });
    const ends = await Promise.all([
      run('bash', 'echo on; sleep 60'),
      run('javascript', 'console.log("on"); for (;;);'),
    ]);
    for (const end of ends) expect(end).toMatchObject({ outcome: 'timed_out', stdout: 'on\n' });
  });

  it('of processors holds: time passes faster than a program computes', async () => {
    const run = await engine.run('python', 'import os\nfor _ in range(3): os.fork()\nwhile True: pass', {
      limits: { wallMs: 1500, cpus: 0.5 },
    });
    expect(run.outcome).toBe('timed_out');
    expect(run.usage.cpuMs).toBeLessThan(1100);
  });
});
