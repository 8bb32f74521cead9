import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { displays, head, openFor, result } from '../support/cells.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const png = '\x89PNG\r\n\x1a\n';

async function run(code: string) {
  return (await openFor(engine)).run(code);
}

describe('what a Python cell shows', () => {
  it('is a table as text, as HTML and as JSON', async () => {
    const cell = await run(`
import pandas as pd
pd.DataFrame({'n': [1, None], 'when': pd.to_datetime(['2024-01-02'] * 2), 's': ['x', 'é']}, index=['a', 'b'])`);
    const forms = result(cell)!;
    expect(forms['text/plain']).toContain('2024-01-02');
    expect(forms['text/html']).toContain('<table');
    expect(forms['application/json']).toEqual({
      columns: [
        { name: 'n', type: 'float64' },
        { name: 'when', type: 'datetime64[ns]' },
        { name: 's', type: 'object' },
      ],
      index: ['a', 'b'],
      data: [
        [1, '2024-01-02T00:00:00.000', 'x'],
        [null, '2024-01-02T00:00:00.000', 'é'],
      ],
      shape: [2, 3],
    });
  });

  it('of a large table is its first rows, with its whole shape', async () => {
    const cell = await run(`
import pandas as pd, numpy as np
pd.DataFrame(np.zeros((5000, 150)), columns=pd.MultiIndex.from_product([range(10), range(15)]))`);
    const table = result(cell)!['application/json'] as { columns: unknown[]; data: unknown[][]; shape: number[] };
    expect(table.shape).toEqual([5000, 150]);
    expect([table.columns.length, table.data.length, table.data[0]!.length]).toEqual([100, 100, 100]);
  });

  it('is every figure: shown, or left open at its end, once, and then closed', async () => {
    const session = await openFor(engine);
    const cell = await session.run(`
import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plt
%matplotlib inline
plt.plot([1, 2]); plt.show(); print('between')
figure, axes = plt.subplots(); axes.bar(['a', 'b'], [1, 2])
plt.figure(); plt.pie([1, 2]); plt.savefig('saved.png')
figure`);
    expect(cell).toMatchObject({ outcome: 'completed', exitCode: 0, stdout: 'between\n', stderr: '' });
    expect(cell.outputs.map(({ kind, bundle }) => [kind, head(bundle['image/png'])])).toEqual([
      ['display', png],
      ['result', png],
      ['display', png],
    ]);
    const next = await session.run('import os\nplt.get_fignums(), os.listdir()');
    expect(next).toMatchObject({ value: "([], ['saved.png'])", outputs: [{ kind: 'result' }] });
    expect(head(result(await session.run('axes.set_title("again"); figure'))?.['image/png'])).toBe(png);
  });

  it('is what display() was given, in order, in the forms objects offer', async () => {
    const cell = await run(`
from IPython.display import display, HTML, Markdown, Latex, JSON, SVG, Image as Picture
from PIL import Image
class Mine:
    def _repr_mimebundle_(self, include=None, exclude=None): return {'text/plain': 'mine', 'application/vnd.mine+json': {'x': float('nan')}}
handle = display(HTML('<b>bold</b>'), display_id=True)
for value in (Markdown('# title'), Latex('$x$'), JSON({'a': [1]}), SVG('<svg xmlns="http://www.w3.org/2000/svg"/>'), Mine()): display(value)
Image.new('RGB', (2, 2)).save('p.png')
display(Picture('p.png'), {'not': 'raw'})
handle.update(HTML('<i>new</i>'))
display({'text/plain': 'raw', 'text/html': '<p>'}, raw=True)
Image.new('RGB', (2, 2))`);
    expect(cell.stderr).toBe('');
    expect(displays(cell)).toMatchObject([
      { 'text/html': '<i>new</i>' },
      { 'text/markdown': '# title' },
      { 'text/latex': '$x$' },
      { 'application/json': { a: [1] } },
      { 'image/svg+xml': expect.stringContaining('<svg') },
      { 'text/plain': 'mine', 'application/vnd.mine+json': { x: null } },
      { 'image/png': expect.stringContaining('iVBOR') },
      { 'text/plain': "{'not': 'raw'}" },
      { 'text/plain': 'raw', 'text/html': '<p>' },
    ]);
    expect(head(result(cell)?.['image/png'])).toBe(png);
  });

  it('is a formula as LaTeX', async () => {
    const cell = await run('import sympy\nx = sympy.Symbol("x")\nsympy.sqrt(x) / 2');
    expect(result(cell)).toMatchObject({
      'text/plain': 'sqrt(x)/2',
      'text/latex': expect.stringContaining('\\sqrt{x}'),
    });
  });

  it('ends after 200 displays, and says so', async () => {
    const cell = await run('for i in range(1000): display(i)\nprint("on")');
    expect(displays(cell).map((forms) => forms['text/plain'])).toEqual(
      Array.from({ length: 200 }, (_, i) => String(i)),
    );
    expect(cell).toMatchObject({ stdout: 'on\n', stderr: expect.stringContaining('more than 200 displays') });
  });

  it('may replace and take back what it showed before', async () => {
    const session = await openFor(engine);
    const texts = async (code: string) => {
      const cell = await session.run(code);
      expect(cell).toMatchObject({ exitCode: 0, stderr: '', interpreter: 'kept' });
      return cell.outputs.map(({ bundle }) => bundle['text/plain']);
    };
    await session.run('from IPython.display import clear_output, display, update_display');
    expect(
      await texts(
        "handle = display('a', display_id=True); display('b'); handle.update('c'); update_display('d', display_id='new')",
      ),
    ).toEqual(["'c'", "'b'", "'d'"]);
    expect(await texts("display('old'); clear_output(); display('kept'); clear_output(wait=True)")).toEqual(["'kept'"]);
    expect(await texts("display('old'); clear_output(wait=True); display('new')")).toEqual(["'new'"]);
    // More than may go out as it comes: the end is what counts.
    expect(
      await texts("handle = display(0, display_id=True)\nfor n in range(3000): handle.update(n)\ndisplay('end')"),
    ).toEqual(['2999', "'end'"]);
    expect(await texts("for n in range(3000): clear_output(wait=True); display(n)\n'value'")).toEqual([
      '2999',
      "'value'",
    ]);
  });

  it('goes into a file where it is too large', async () => {
    const session = await openFor(engine);
    const cell = await session.run(`
from IPython.display import HTML
display(HTML('<p>' + 'y' * 2_000_000))
display({'text/plain': 'an image', 'image/png': b'\\x89PNG' + b'0' * 9_000_000}, raw=True)
'x' * 5_000_000`);
    expect(displays(cell)).toEqual([
      { 'text/plain': expect.stringContaining('written to output_1.html') },
      { 'text/plain': expect.stringMatching(/^an image\n.*written to output_2\.png/) },
    ]);
    expect(String(cell.value).length).toBeLessThan(3000);
    const { touched } = await session.session.changes();
    expect(touched.map(({ path, content }) => [path, content.size])).toEqual([
      ['output_1.html', 2_000_003],
      ['output_2.png', 9_000_004],
      ['output_3.txt', 5_000_002],
    ]);
    for (const { content } of touched) content.close();
  });

  it('is bounded as a whole', async () => {
    const cell = await run(`
for i in range(20): display({'text/plain': str(i), 'image/png': b'0' * 5_000_000}, raw=True)`);
    expect(displays(cell).length).toBeGreaterThan(2);
    expect(displays(cell).length).toBeLessThan(10);
    expect(cell).toMatchObject({
      outcome: 'completed',
      interpreter: 'kept',
      stderr: expect.stringContaining('left out'),
    });
  });
});

describe('IPython in a cell', () => {
  it('runs magics and commands on the streams of the cell', async () => {
    const session = await openFor(engine);
    expect(await session.run('print("a", end="")\n!echo b; echo problem >&2\nprint("c")')).toMatchObject({
      stdout: 'ab\nc\n',
      stderr: 'problem\n',
    });
    expect(await session.run('%%bash\ncd /tmp\npwd')).toMatchObject({ stdout: '/tmp\n', exitCode: 0 });
    expect(await session.run('%%bash\necho out\nexit 3')).toMatchObject({
      stdout: 'out\n',
      exitCode: 1,
      error: { name: 'CalledProcessError' },
    });
    expect(await session.run('%timeit -n 2 -r 2 sum(range(10))')).toMatchObject({
      stdout: expect.stringMatching(/per loop .* 2 runs, 2 loops each/),
    });
    expect(await session.run('%%time\nx = 5\nx')).toMatchObject({
      stdout: expect.stringContaining('Wall time'),
      value: '5',
    });
    expect(await session.run('files = !echo one; echo two\nfiles')).toMatchObject({ value: "['one', 'two']" });
    expect(await session.run('ls')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await session.run('len?')).toMatchObject({ outputs: [{ bundle: { 'text/plain': /Signature/ } }] });
    expect(await session.run('x + 1; _i, Out[6]')).toMatchObject({ value: "('len?', ['one', 'two'])" });
  });

  it('keeps folders and a figure of plotly without a word of its own machinery', async () => {
    const session = await openFor(engine);
    expect(await session.run('%cd /tmp\n%cd -')).toMatchObject({ stdout: '/tmp\n/mnt/data\n', stderr: '' });
    expect(await session.run('open("p.py", "w").write("1 / 0")\n%run p.py')).toMatchObject({
      error: {
        traceback: [
          'Traceback (most recent call last):',
          '  File "/mnt/data/p.py", line 1, in <module>',
          '    1 / 0',
          '    ~~^~~',
          'ZeroDivisionError: division by zero',
        ],
      },
    });
    const cell = await session.run(`
class Figure:
    def _ipython_display_(self):
        display({'application/vnd.plotly.v1+json': {'data': [{'type': 'bar'}, {}]}}, raw=True)
display(Figure())
import os; os.environ['PLOTLY_RENDERER']`);
    expect(displays(cell)).toMatchObject([{ 'text/plain': '<plotly figure: bar, scatter>' }]);
    expect(cell.value).toBe("'plotly_mimetype+colab'");
  });

  it('answers installers without a network', async () => {
    const session = await openFor(engine);
    expect(await session.run('%pip install "pandas>=2" numpy')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/satisfied: pandas .*\n.*satisfied: numpy/),
    });
    const missing = await session.run('!pip install nonesuch');
    expect(missing).toMatchObject({ exitCode: 1, error: { name: 'UsageError' } });
    expect(missing.stderr).toMatch(
      /^UsageError: nonesuch is not installed, and nothing can be installed: there is no network/,
    );
  });

  it('awaits at top level, and what an interrupt leaves does not go on', async () => {
    const session = await openFor(engine);
    expect(await session.run('import asyncio\nawait asyncio.sleep(0.01, 7)')).toMatchObject({ value: '7' });
    const cell = await session.run('n = 0\nwhile True:\n    n += 1\n    await asyncio.sleep(0.01)', {
      limits: { wallMs: 1500 },
    });
    expect(cell).toMatchObject({ outcome: 'timed_out', interpreter: 'kept', error: { name: 'KeyboardInterrupt' } });
    expect(await session.run('before = n\nawait asyncio.sleep(0.1)\nbefore > 0 and n == before')).toMatchObject({
      value: 'True',
    });
    await session.run('task = asyncio.create_task(asyncio.sleep(0.01, "begun in a cell without await"))');
    expect(await session.run('await task')).toMatchObject({ value: "'begun in a cell without await'", stderr: '' });
    const own = 'loop = asyncio.new_event_loop()\nloop.run_until_complete(asyncio.sleep(0, asyncio.get_event_loop))\n1';
    expect(await session.run(own)).toMatchObject({ value: '1' });
    expect(await session.run('asyncio.run(asyncio.sleep(0, "in a loop of its own"))')).toMatchObject({
      value: "'in a loop of its own'",
    });
  });

  it('has a loop to run, also after asyncio.run', async () => {
    const session = await openFor(engine);
    expect(await session.run('import asyncio\nasync def f(): return 3\nasyncio.run(f())')).toMatchObject({
      value: '3',
    });
    expect(await session.run('asyncio.get_event_loop().run_until_complete(f())')).toMatchObject({ value: '3' });
    // What an earlier cell has begun goes on in it.
    await session.run('task = asyncio.create_task(f())');
    expect(await session.run('loop = asyncio.get_event_loop()\nloop.run_until_complete(task)')).toMatchObject({
      value: '3',
    });
  });

  it('lists its own names alone', async () => {
    expect(await run('mine = 1\n%who')).toMatchObject({ stdout: 'mine\t \n' });
  });

  it('shows progress as text, also with what is meant for notebooks', async () => {
    const cell = await run('from tqdm.notebook import tqdm, trange\nsum(tqdm([1, 2])) + sum(trange(3))');
    expect(cell).toMatchObject({ value: '6', error: null });
    expect(cell.stderr).toContain('2/2');
  });

  it('pickles, forks and runs processes as a program would', async () => {
    const cell = await run(`
import multiprocessing, pickle
from dataclasses import dataclass
@dataclass
class Point: x: int
def square(x): return x * x
with multiprocessing.Pool(2) as pool: squares = pool.map(square, range(4))
pickle.loads(pickle.dumps(Point(3))), squares, __name__`);
    expect(cell.value).toBe("(Point(x=3), [0, 1, 4, 9], '__main__')");
  });

  it('starts another Python for what it shares out, where it wants that', async () => {
    const cell = await run(
      'import multiprocessing\nwith multiprocessing.get_context("spawn").Pool(1) as pool: print(pool.map(abs, [-2]))',
    );
    expect(cell).toMatchObject({ stdout: '[2]\n', error: null });
  });
});

describe('the end of a Python cell', () => {
  it('by an exception is told as Python tells it, without frames of ours', async () => {
    const session = await openFor(engine);
    await session.run('def divide(a, b):\n    return a / b');
    const cell = await session.run(
      '\n\ntry:\n    divide(1, 0)\nexcept Exception as problem:\n    raise ValueError("no") from problem',
    );
    expect(cell).toMatchObject({ exitCode: 1, interpreter: 'kept', error: { name: 'ValueError', value: 'no' } });
    expect(cell.error!.traceback.join('\n')).toBe(
      [
        'Traceback (most recent call last):',
        '  File "<cell 2>", line 4, in <module>',
        '    divide(1, 0)',
        '    ~~~~~~^^^^^^',
        '  File "<cell 1>", line 2, in divide',
        '    return a / b',
        '           ~~^~~',
        'ZeroDivisionError: division by zero',
        '',
        'The above exception was the direct cause of the following exception:',
        '',
        'Traceback (most recent call last):',
        '  File "<cell 2>", line 6, in <module>',
        '    raise ValueError("no") from problem',
        'ValueError: no',
      ].join('\n'),
    );
    expect(cell.stderr).toBe(`${cell.error!.traceback.join('\n')}\n`);
  });

  it('by a syntax error names its line', async () => {
    const cell = await run('x = 1\nif x\n  pass');
    expect(cell).toMatchObject({ exitCode: 1, error: { name: 'SyntaxError' } });
    expect(cell.stderr).toMatch(/^ {2}File "<cell 1>", line 2\n/);
    // What IPython cannot take apart is explained by Python all the same.
    expect((await run('if 1:\n    a = 1\n  b = 2')).stderr).toBe(
      [
        '  File "<cell 1>", line 3',
        '    b = 2',
        '         ^',
        'IndentationError: unindent does not match any outer indentation level\n',
      ].join('\n'),
    );
  });

  it('by a statement out of place has no frames of who compiled it', async () => {
    expect((await run('return 5')).stderr).toBe(
      '  File "<cell 1>", line 1\nSyntaxError: \'return\' outside function\n',
    );
    // What a cell compiles by itself has the cell's.
    expect((await run('eval("1+")')).stderr).toMatch(/^Traceback.*\n {2}File "<cell 1>", line 1, in <module>\n/);
  });

  it('by a recursion without end shows the end of it, as Python does', async () => {
    const { stderr } = await run('import sys\nsys.setrecursionlimit(50_000)\ndef r(n): return r(n + 1)\nr(0)');
    expect(stderr).toMatch(/RecursionError: maximum recursion depth exceeded\n$/);
    const repeated = Number(stderr.match(/Previous line repeated (\d+) more times/)?.[1]);
    expect(repeated).toBeGreaterThan(900);
    expect(repeated).toBeLessThan(1000);
  });

  it.each([
    ['exit(3)', 3, ''],
    ['exit', 0, ''],
    ['import sys\nsys.exit()', 0, ''],
    ['raise SystemExit("bye")', 1, 'bye\n'],
  ])('by %j is its exit code, and the interpreter stays', async (code, exitCode, stderr) => {
    const session = await openFor(engine);
    await session.run('x = 1');
    expect(await session.run(`${code}`)).toMatchObject({ exitCode, stderr, error: null, interpreter: 'kept' });
    expect(await session.run('x')).toMatchObject({ value: '1' });
  });

  it('comes at once when it asks for input', async () => {
    expect(await run('input("name? ")')).toMatchObject({
      stdout: 'name? ',
      error: { name: 'EOFError', value: expect.stringContaining('a cell has no input') },
    });
    expect(await run('import io, sys\nsys.stdin = io.StringIO("Ada\\n")\ninput()')).toMatchObject({ value: "'Ada'" });
  });

  it('comes whatever the representations of its values do', async () => {
    const session = await openFor(engine);
    const bad = `
class Bad:
    def __init__(self, how): self.how = how
    def __repr__(self): return self.how() or 'text'
def fails(): raise KeyError('no')
def loops():
    while True: pass`;
    await session.run(bad);
    expect(await session.run('Bad(fails)')).toMatchObject({ exitCode: 1, error: { name: 'KeyError' }, outputs: [] });
    expect(await session.run('Bad(lambda: print("printed"))')).toMatchObject({ stdout: 'printed\n', value: 'text' });
    expect(await session.run('Bad(loops)', { limits: { wallMs: 1500 } })).toMatchObject({
      outcome: 'timed_out',
      interpreter: 'kept',
    });
    const half = 'class Half(Bad):\n    def _repr_html_(self): raise KeyError("no")\nHalf(lambda: None)';
    expect(await session.run(half)).toMatchObject({
      exitCode: 0,
      error: null,
      value: 'text',
      stderr: expect.stringContaining("KeyError: 'no'"),
    });
    const liar = `
class Liar(Exception):
    def __str__(self): raise Liar()
raise Liar()`;
    expect(await session.run(liar)).toMatchObject({ exitCode: 1, error: { name: 'Liar' }, interpreter: 'kept' });
    expect(await session.run('1 + 1')).toMatchObject({ value: '2' });
  });

  it('leaves the next one its streams', async () => {
    const session = await openFor(engine);
    await session.run('import os, sys\nos.close(1); os.close(2)');
    expect(await session.run('print("one"); os.system("echo two"); sys.stdout.close()')).toMatchObject({
      stdout: 'one\ntwo\n',
    });
    expect(await session.run('print("three")')).toMatchObject({ stdout: 'three\n' });
  });

  it('by an interrupt keeps handlers, and an interrupt between displays breaks none', async () => {
    const session = await openFor(engine);
    await session.run('import signal\nsignal.signal(signal.SIGINT, lambda *_: print("heard"))');
    expect(await session.run('signal.raise_signal(signal.SIGINT)')).toMatchObject({ stdout: 'heard\n', exitCode: 0 });
    await session.run('signal.signal(signal.SIGINT, signal.default_int_handler)');
    const cell = session.start('while True: display("y" * 200_000)');
    setTimeout(() => cell.interrupt(), 60);
    expect(await cell.done).toMatchObject({
      outcome: 'completed',
      error: { name: 'KeyboardInterrupt' },
      interpreter: 'kept',
    });
    expect(await session.run('1 + 1')).toMatchObject({ value: '2' });
  });

  it('prints nothing twice, however often printing is interrupted', async () => {
    const cell = await run(`
import os, signal, sys, threading, time
hits, armed, done = 0, False, False
def interrupted(*_):
    global hits, armed
    if armed:
        hits, armed = hits + 1, False
        raise KeyboardInterrupt
signal.signal(signal.SIGINT, interrupted)
def pester():
    while not done:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.0001)
thread = threading.Thread(target=pester)
thread.start()
for n in range(10_000, 18_000):
    try:
        armed = True
        print(n)
        armed = False
    except KeyboardInterrupt:
        pass
done = True
thread.join()
hits`);
    expect(cell.error).toBe(null);
    const lines = cell.stdout.split('\n').filter(Boolean);
    // A text whose end was interrupted is followed by the next one on its line.
    expect(lines.filter((line, at) => lines.indexOf(line) !== at)).toEqual([]);
    expect(lines.length).toBeGreaterThan(4000);
    expect(Number(cell.value)).toBeGreaterThan(20);
  });
});
