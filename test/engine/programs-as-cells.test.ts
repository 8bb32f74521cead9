import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { input } from '../support/input.ts';

/** What models and people send as a program because it runs in a notebook, and the other way round. */
let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});

afterAll(() => engine.close());

const py = (code: string) => engine.run('python', code);

describe('a Python program', () => {
  it('awaits outside of functions', async () => {
    const code = 'import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 7\nprint(await f())\n';
    expect(await py(code)).toMatchObject({ stdout: '7\n', stderr: '', exitCode: 0 });
    const failed = await py(`${code}await f(1)`);
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(
      /^Traceback \(most recent call last\):\n {2}File "\/mnt\/data\/main\.py", line 6, in/,
    );
    expect(failed.stderr).not.toMatch(/asyncio|dragoman/);
  });

  it('has magics, shell commands, display and get_ipython', async () => {
    const run = await py(`%matplotlib inline
!echo from a shell
files = !ls
import pandas as pd
display(pd.DataFrame({'city': ['Oslo']}), 42)
print(files, get_ipython().__class__.__name__ != '')`);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout).toMatch(/^from a shell\n {3}city\n0 {2}Oslo\n42\n\[\] True\n$/);
  });

  it.each([
    ['indented as a whole', '    import math\n    for i in range(2):\n        print(math.sqrt(i))', '0.0\n1.0\n'],
    ['in a fence', "Here it is:\n```python\nprint('a')\n```\nAnd then:\n```python\nprint('b')\n```", 'a\nb\n'],
    [
      'with a byte order mark, carriage returns and foreign blanks',
      '\ufeffif True:\r\n\u00a0\u00a0print("a\u00a0b")\r\n',
      'a\u00a0b\n',
    ],
    ['with an encoding that is not its own', "# -*- coding: latin-1 -*-\nprint('é', len('é'))", 'é 1\n'],
    ['whose strings look like magics', 's = """\n%time\n!ls\n"""\nprint(len(s))', '11\n'],
  ])('%s runs, as a program and as a cell', async (_, code, stdout) => {
    expect(await py(code)).toMatchObject({ stdout, stderr: '', exitCode: 0 });
    const session = await engine.openSession();
    expect(await session.run(code)).toMatchObject({ stdout, stderr: '', exitCode: 0 });
    await session.close();
  });

  it('that is no Python in any reading says what Python says', async () => {
    const run = await py('x = 1\nif x\n  print(!)');
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr).toBe('  File "/mnt/data/main.py", line 2\n    if x\n        ^\nSyntaxError: expected \':\'\n');
  });

  it.each([
    ['os.kill(os.getpid(), signal.SIGKILL)', 'SIGKILL', 'killed'],
    ['os.kill(os.getpid(), signal.SIGSEGV)', 'SIGSEGV', 'segmentation fault'],
    ['import ctypes; ctypes.string_at(0)', 'SIGSEGV', 'segmentation fault'],
    ['os.abort()', 'SIGABRT', 'aborted'],
    ['signal.alarm(1); time.sleep(20)', 'SIGALRM', 'an alarm that it did not handle'],
    ['os.kill(os.getpid(), signal.SIGTERM)', 'SIGTERM', 'terminated'],
  ])('ends by a signal, and says by which: %s', async (code, signal, means) => {
    const run = await py(`import os, signal, time\nprint('before')\n${code}`);
    expect(run).toMatchObject({ outcome: 'completed', exitCode: null, signal, stdout: 'before\n' });
    expect(run.stderr).toBe(`[the program was ended by ${signal}: ${means}]\n`);
  });

  it('whose excepthook raises ends as in CPython, and its exit functions run', async () => {
    const run = await py(`import atexit, sys
atexit.register(lambda: print('bye'))
def hook(*_): raise KeyError('hook')
sys.excepthook = hook
raise ValueError('program')`);
    expect(run).toMatchObject({ exitCode: 1, stdout: 'bye\n' });
    expect(run.stderr).toBe(`Error in sys.excepthook:
Traceback (most recent call last):
  File "/mnt/data/main.py", line 3, in hook
    def hook(*_): raise KeyError('hook')
                  ^^^^^^^^^^^^^^^^^^^^^^
KeyError: 'hook'

Original exception was:
Traceback (most recent call last):
  File "/mnt/data/main.py", line 5, in <module>
    raise ValueError('program')
ValueError: program
`);
    expect(await py('import sys\ndel sys.excepthook\n1 / 0')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^sys\.excepthook is missing\nTraceback .*ZeroDivisionError: division by zero\n$/s),
    });
    expect(await py('import sys\nsys.excepthook = lambda *_: sys.exit(5)\n1 / 0')).toMatchObject({
      exitCode: 5,
      stderr: '',
    });
  });

  it('shows figures, pictures and pages as files, and none that it has saved itself', async () => {
    const run = await py(`import matplotlib
matplotlib.use('TkAgg')
import matplotlib.pyplot as plt
fig, ax = plt.subplots(); ax.plot([1, 4, 9])
plt.savefig('mine.png')
plt.show()
fig, ax = plt.subplots(); ax.plot([1]); fig.savefig('first.png'); ax.set_title('changed')
fig.show()
from PIL import Image
Image.new('RGB', (4, 4)).show()
import plotly.graph_objects as go
go.Figure(go.Bar(x=[1], y=[2])).show()
print('shown')`);
    expect(run).toMatchObject({ exitCode: 0, stdout: 'shown\n', stderr: '' });
    expect(Object.keys(run.files).sort()).toEqual(['first.png', 'mine.png', 'plot_1.png', 'plot_2.png', 'plot_3.html']);
  });
});

describe('a TypeScript program', () => {
  it('has decorators, enums, JSON imports and a top-level await', async () => {
    const code = `import config from './config.json';
function twice(value: any, _context: ClassMethodDecoratorContext) {
  return function (this: any, n: number) { return 2 * value.call(this, n); };
}
enum Colour { Red = 3 }
class Shop { @twice price(n: number): number { return n; } }
console.log(new Shop().price(21), Colour.Red, config.a, await Promise.resolve('late'));`;
    const run = await engine.run('typescript', code, { inputs: [input('config.json', '{"a": 1}')] });
    expect(run).toMatchObject({ exitCode: 0, stdout: '42 3 1 late\n', stderr: '' });
  });

  it('imports types and values by one name, and modules of both kinds', async () => {
    const code = `import fs = require('node:fs');
import { Thing, size } from './things';
const { old } = await import('./old.cts');
class Counter { accessor count: number = old; }
const thing: Thing = { size };
console.log(thing, new Counter().count, fs.existsSync('/'), typeof require);`;
    const inputs = [
      input('things.ts', 'export interface Thing { size: number }\nexport const size = 4;'),
      input('old.cts', 'const old: number = 5; module.exports = { old };'),
    ];
    const run = await engine.run('typescript', code, { inputs });
    expect(run).toMatchObject({ exitCode: 0, stdout: '{ size: 4 } 5 true function\n', stderr: '' });
  });

  it.each([
    ['a script', ''],
    ['a module', 'import fs from "node:fs";'],
    ['one with decorators', '@logged'],
  ])('fails at the line of its source: %s', async (_what, first) => {
    const code = `${first}
class Shop { constructor(readonly name: string) {} }
function logged(made: any, _context: any) { return made; }
enum Colour { Red, Green }

function fail(colour: Colour): never {
  throw new TypeError(\`no \${Colour[colour]}\`);
}
fail(Colour.Green);`;
    const run = await engine.run('typescript', code);
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr).toContain('TypeError: no Green');
    expect(run.stderr).toMatch(/at fail \(\/mnt\/data\/main\.ts:7:9\)/);
    expect(run.stderr).toMatch(/\/mnt\/data\/main\.ts:9:1\)/);
  });
});

describe('an installer', () => {
  const hears = /is not installed, and nothing can be installed: there is no network/;

  it.each([
    ['bash', 'pip install -q numpy "pandas>=1" && echo went on'],
    ['bash', 'python3 -m pip install numpy==1.0 > /dev/null && echo went on'],
    [
      'python',
      "import subprocess, sys\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', '-q', 'numpy'])\nprint('went on')",
    ],
    ['python', "import os\nassert os.system('pip3 install -q numpy') == 0\nprint('went on')"],
    ['python', "!pip install -q numpy\n%pip install -q numpy\nprint('went on')"],
    ['bash', 'apt-get install -y bash coreutils && apt install gawk && echo went on'],
  ])('is content with what is there: %s %j', async (language, code) => {
    const run = await engine.run(language, code);
    expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/went on\n$/), stderr: '' });
  });

  it.each([
    ['bash', 'pip install nonesuch'],
    ['bash', 'uv pip install nonesuch'],
    ['bash', 'npm install nonesuch'],
    ['bash', 'apt-get update 2> /dev/null && apt-get install -y nonesuch'],
    [
      'python',
      "import subprocess, sys\nsys.exit(subprocess.call([sys.executable, '-m', 'pip', 'install', 'nonesuch']))",
    ],
    ['python', 'import nonesuch'],
    ['javascript', "require('nonesuch')"],
    ['bash', 'nonesuch'],
  ])('or a program says at once that nothing can be installed: %s %j', async (language, code) => {
    const run = await engine.run(language, code);
    expect(run.exitCode).not.toBe(0);
    expect(run.stderr).toMatch(hears);
    expect(run.usage.wallMs).toBeLessThan(20_000);
  });

  it('is answered with the lack of a network where something is to be fetched', async () => {
    const run = await py("import urllib.request\nurllib.request.urlopen('http://example.org')");
    expect(run.stderr).toMatch(
      /\n\[There is no network here, so nothing can be downloaded: upload the files that are needed\.\]\n$/,
    );
  });
});

describe('older and other forms', () => {
  it.each([
    [
      'c',
      '#include <stdio.h>\ntypedef enum { false, true } bool;\nint f();\nint main() { bool b = true; printf("%d\\n", f(b, 2)); return 0; }\nint f(a, b) int a, b; { return a + b; }',
      '3\n',
    ],
    ['cpp', 'import std;\nint main() { std::println("{}", 42); }', '42\n'],
    [
      'go',
      'package main\n\n// static int twice(int x) { return 2 * x; }\nimport "C"\nimport "fmt"\n\nfunc main() { fmt.Println(C.twice(21)) }',
      '42\n',
    ],
    [
      'fortran',
      "C     OLD\n      PROGRAM MAIN\n      INTEGER I\n      DO 10 I = 1, 2\n         WRITE(*,'(I1)') I\n   10 CONTINUE\n      END",
      '1\n2\n',
    ],
  ])('of %s compile', { timeout: 120_000 }, async (language, code, stdout) => {
    const run = await engine.run(language, code, { limits: { wallMs: 90_000, memoryBytes: 1024 ** 3 } });
    expect([run.stdout, run.exitCode]).toEqual([stdout, 0]);
  });

  it('of C that no standard takes are told in the words of the newest', async () => {
    const run = await engine.run('c', 'int main() { return x; }');
    expect(run).toMatchObject({ exitCode: 1, stage: 'compile' });
    expect(run.stderr.match(/error:/g)).toHaveLength(1);
  });
});
