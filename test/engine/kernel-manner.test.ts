import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CellManner, ExecutionEvent } from '../../src/core/index.ts';
import { openFor, result } from '../support/cells.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const manner: CellManner = { isSilent: false, isRemembered: true, expressions: {} };

/** Cells of one session for a client that is a notebook itself. */
async function notebook(language = 'python') {
  const session = await openFor(engine);
  return async (code: string, own: Partial<CellManner> = {}) => {
    const events: ExecutionEvent[] = [];
    const onEvent = (event: ExecutionEvent) => void events.push(event);
    const cell = await session.run(code, { language, manner: { ...manner, ...own }, onEvent });
    return { ...cell, events: events.filter(({ type }) => type !== 'stdout' && type !== 'stderr') };
  };
}

it('an error is told once, and not on stderr', async () => {
  for (const [language, code, name] of [
    ['python', '1 / 0', 'ZeroDivisionError'],
    ['javascript', 'throw new RangeError("x")', 'RangeError'],
  ] as const) {
    const cell = await (await notebook(language))(code);
    expect(cell).toMatchObject({ stdout: '', stderr: '', exitCode: 1, error: { name } });
    expect(cell.events).toEqual([expect.objectContaining({ type: 'error' })]);
  }
});

it('more errors than are told are printed, so that none is lost', async () => {
  const run = await notebook();
  const cell = await run(
    'ip = get_ipython()\nfor n in range(25):\n    try:\n        raise ValueError(n)\n    except ValueError:\n        ip.showtraceback()',
  );
  expect(cell.events).toHaveLength(20);
  expect(cell.stderr).toContain('ValueError: 24');
});

it('tables and charts have no forms of ours; usual cells have them', async () => {
  const run = await notebook();
  const code = 'import pandas as pd, matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\npd.DataFrame({"n": [1]})';
  const plain = await run(code);
  expect(Object.keys(result(plain)!)).toEqual(['text/plain', 'text/html']);
  expect(plain.outputs.flatMap(({ bundle }) => Object.keys(bundle)).join()).not.toContain('dragoman');
  const session = await openFor(engine);
  const own = await session.run(code);
  expect(Object.keys(result(own)!)).toContain('application/json');
  expect(own.outputs.flatMap(({ bundle }) => Object.keys(bundle)).join()).toContain('dragoman');
  expect((await notebook('javascript').then((js) => js('({ a: 1 })'))).outputs[0]!.bundle).toEqual({
    'text/plain': '{ a: 1 }',
  });
});

it('what is shown has its name, whether it is an update, and what is said about it; what is taken back is told', async () => {
  const run = await notebook();
  const first = await run(
    'from IPython.display import display, clear_output, HTML\nh = display("one", display_id="x")\ndisplay(HTML("b"), metadata={"text/html": {"isolated": True}})\nclear_output(wait=True)\nh.update("two")',
  );
  expect(first.events).toMatchObject([
    { type: 'display', name: 'x', bundle: { 'text/plain': "'one'" } },
    { type: 'display', metadata: { 'text/html': { isolated: true } } },
    { type: 'clear', waits: true },
    { type: 'display', name: 'x', isUpdate: true, bundle: { 'text/plain': "'two'" } },
  ]);
  const later = await run('h.update("three")');
  expect(later.events).toMatchObject([{ type: 'display', name: 'x', isUpdate: true }]);
});

it('a silent cell shows no value, and one that is not remembered does not count', async () => {
  const run = await notebook();
  expect((await run('40 + 2')).value).toBe('42');
  expect((await run('1', { isSilent: true })).outputs).toEqual([]);
  await run('2', { isRemembered: false });
  expect((await run('len(In)')).value).toBe('3');
});

it('expressions are evaluated after code that succeeds', async () => {
  const run = await notebook();
  const expressions = { good: 'x + 1', bad: 'y' };
  const cell = await run('x = 1', { expressions });
  expect(cell.events).toMatchObject([
    {
      type: 'expressions',
      values: {
        good: { status: 'ok', data: { 'text/plain': '2' } },
        bad: { status: 'error', ename: 'NameError' },
      },
    },
  ]);
  expect((await run('1 / 0', { expressions })).events).toMatchObject([{ type: 'error' }]);
});
