import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { input } from '../support/input.ts';

/** What is the user's in the workspace, and what is ours. */
let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});

afterAll(() => engine.close());

describe("a program's own source", () => {
  it.each([
    ['python', 'import os\nprint(os.listdir("."), os.path.dirname(os.path.abspath(__file__)))', '[] /mnt/data\n'],
    ['javascript', 'console.log(require("fs").readdirSync("."), __dirname)', '[] /mnt/data\n'],
    [
      'javascript',
      'import fs from "node:fs";\nconsole.log(fs.readdirSync("."), import.meta.dirname)',
      '[] /mnt/data\n',
    ],
    ['typescript', 'const a: string[] = require("fs").readdirSync(".");\nconsole.log(a)', '[]\n'],
    [
      'bash',
      'ls -A\necho "$(cd "$(dirname "$0")" && pwd)"\n[[ "$BASH_SOURCE" == "$0" ]] && echo main',
      '/mnt/data\nmain\n',
    ],
    ['php', '<?php echo count(scandir(".")) - 2, __DIR__;', '0/mnt/data'],
    ['r', 'cat(length(list.files()), getwd())', '0 /mnt/data'],
    ['c', '#include <stdlib.h>\nint main() { return system("ls -A"); }', ''],
  ])('is not among the files: %s', async (language, code, stdout) => {
    expect(await engine.run(language, code)).toMatchObject({ exitCode: 0, stdout, stderr: '', files: {} });
  });

  it.each([
    ['python', 'def f():\n    1 / 0\nf()', /File "\/mnt\/data\/main\.py", line 2, in f\n {4}1 \/ 0\n/],
    [
      'python',
      'import inspect\ndef f(): return 6 * 7\nraise SystemExit(inspect.getsource(f))',
      /^def f\(\): return 6 \* 7/,
    ],
    [
      'javascript',
      'function f() { throw new Error("x") }\nf()',
      /index\.js:1\nfunction f\(\) \{ throw new Error\("x"\) \}/,
    ],
    ['r', 'f <- function() stop("x")\n\nf()', /main\.R#1/],
    ['bash', 'true\nnonesuch', /^\/mnt\/data\/script\.sh: line 2: nonesuch/],
  ])('is in its traces all the same: %s', async (language, code, stderr) => {
    expect((await engine.run(language, code)).stderr).toMatch(stderr);
  });

  it.each([
    [
      'python',
      'import multiprocessing as m\ndef f(x): return x * x\nif __name__ == "__main__":\n    with m.get_context("spawn").Pool(2) as p: print(p.map(f, [6]))',
      '[36]\n',
    ],
    [
      'python',
      'import multiprocessing as m\ndef f(x): return x * x\nwith m.Pool(2) as p: print(p.map(f, [6]))',
      '[36]\n',
    ],
    [
      'python',
      'import sys, subprocess\nif len(sys.argv) == 1: print(subprocess.check_output([sys.executable, __file__, "again"], text=True), end="")\nelse: print(sys.argv[1])',
      'again\n',
    ],
    ['python', 'print(open(__file__).read())', 'print(open(__file__).read())\n'],
    [
      'javascript',
      'const { Worker, isMainThread } = require("worker_threads");\nif (isMainThread) new Worker(__filename); else console.log("worker")',
      'worker\n',
    ],
    ['bash', 'if [ $# = 0 ]; then bash "$0" again; else echo "$1"; fi', 'again\n'],
  ])('is there where the program runs or reads itself: %s %j', async (language, code, stdout) => {
    expect(await engine.run(language, code)).toMatchObject({ exitCode: 0, stdout, stderr: '', files: {} });
  });

  it('of several files works with those that were uploaded', async () => {
    const inputs = [input('helper.py', 'X = 41'), input('lib.js', 'exports.x = 41'), input('x.h', '#define X 41')];
    const runs = [
      ['python', 'import helper\nprint(helper.X + 1)'],
      ['javascript', 'console.log(require("./lib").x + 1)'],
      ['c', '#include <stdio.h>\n#include "x.h"\nint main() { printf("%d\\n", X + 1); }'],
    ] as const;
    for (const [language, code] of runs)
      expect(await engine.run(language, code, { inputs })).toMatchObject({ stdout: '42\n', files: {} });
  });

  it('does not hide a file of its name that the program makes', async () => {
    const run = await engine.run('python', 'open("main.py", "w").write("x = 1")');
    expect(run.files['main.py']?.toString()).toBe('x = 1');
  });
});

describe('what a program made', () => {
  it('is kept with dot folders, and caches are named', async () => {
    const run = await engine.run(
      'python',
      `import os
for path in ('.github/workflows/ci.yml', '.env', 'a/.hidden', '.cache/x', 'b/__pycache__/m.pyc'):
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    open(path, 'w').write('x')`,
    );
    expect(Object.keys(run.files).sort()).toEqual(['.env', '.github/workflows/ci.yml', 'a/.hidden']);
    expect(run.stderr).toMatch(
      /^\[not kept, because it is a cache: (\.cache, b\/__pycache__|b\/__pycache__, \.cache)\]\n$/,
    );
  });

  it('is a program afterwards, if it was one', async () => {
    const inputs = [
      { ...input('app', '#!/bin/sh\necho ran'), mode: 0o755 },
      { ...input('locked', 'x'), mode: 0o755, readOnly: true },
      { ...input('plain', 'x'), modified: Date.UTC(2020, 1, 3) },
    ];
    const run = await engine.run('bash', './app; stat -c "%a %y" locked plain; chmod +x plain', { inputs });
    expect(run.stdout).toMatch(/^ran\n444 .*\n644 2020-02-03 00:00:00/);
    expect(Object.keys(run.files)).toEqual(['plain']);
    expect(run.inherited).toEqual(['app', 'locked']);
  });

  it('has its mode when a cell made it', async () => {
    const { session, run, close } = await engine.openSession();
    await run('printf "#!/bin/sh\\necho hi\\n" > tool; chmod 755 tool', { language: 'bash' });
    const first = await session.changes();
    expect(first.touched.map(({ path, content }) => [path, content.mode])).toEqual([['tool', 0o755]]);
    await run('chmod -x tool; mkdir .cache; touch .cache/x', { language: 'bash' });
    const second = await session.changes();
    expect(second.touched.map(({ path, content }) => [path, content.mode & 0o111])).toEqual([['tool', 0]]);
    expect(second.caches).toEqual(['.cache']);
    for (const { content } of [...first.touched, ...second.touched]) content.close();
    await close();
  });
});
