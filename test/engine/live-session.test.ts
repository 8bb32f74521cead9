import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { input } from '../support/input.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

async function open(limits = {}) {
  const session = await engine.openSession(limits);
  onTestFinished(() => session.close());
  return session;
}

describe('a Python cell', () => {
  it('shows its last value, and leaves names, imports and files to the next', async () => {
    const session = await open();
    const values = [];
    for (const cell of [
      'import math\nx = 2',
      'x ** 10',
      'open("f", "w").write("kept")',
      'open("f").read(), math.e > 2',
    ])
      values.push((await session.run(cell)).value);
    expect(values).toEqual([undefined, '1024', '4', "('kept', True)"]);
  });

  it('leaves its names after an error, and after a fork that ran off its end', async () => {
    const session = await open();
    expect(await session.run('x = 1\nraise ValueError("no")')).toMatchObject({
      outcome: 'completed',
      exitCode: 1,
      interpreter: 'kept',
    });
    const forked = await session.run('import os\nif os.fork(): os.wait()\nprint(os.getpid())');
    expect(forked.stdout.split('\n').filter(Boolean)).toHaveLength(2);
    expect(await session.run('x')).toMatchObject({ value: '1' });
  });

  it('is interrupted at its time limit, and its names survive', async () => {
    const session = await open();
    await session.run('x = 1');
    const run = await session.run('print("begun", flush=True)\nwhile True: x += 1', { limits: { wallMs: 1500 } });
    expect(run).toMatchObject({ outcome: 'timed_out', interpreter: 'kept', stdout: 'begun\n', signal: 'SIGINT' });
    expect(await session.run('x > 1')).toMatchObject({ value: 'True', outcome: 'completed' });
  });

  it('is interrupted on request, with what it waits for', async () => {
    const session = await open();
    const cell = session.start('import subprocess\nsubprocess.run(["sleep", "60"])\nprint("never")');
    setTimeout(() => cell.interrupt(), 300);
    expect(await cell.done).toMatchObject({ outcome: 'completed', exitCode: 1, interpreter: 'kept' });
    expect(await session.run('6 * 7')).toMatchObject({ value: '42' });
  });

  it('is interrupted however early that is asked for', async () => {
    const session = await open();
    for (let count = 0; count < 5; count++) {
      const cell = session.start('while True: pass');
      cell.interrupt();
      expect(await cell.done).toMatchObject({ outcome: 'completed', exitCode: 1, interpreter: 'kept' });
    }
  });

  it('that ignores the interrupt loses its interpreter, not its files', async () => {
    const session = await open();
    const stubborn = `
open("kept.txt", "w").write("here")
while True:
    try:
        while True: pass
    except BaseException: pass
`;
    expect(await session.run(stubborn, { limits: { wallMs: 2000 } })).toMatchObject({
      outcome: 'timed_out',
      interpreter: 'lost',
      signal: 'SIGKILL',
    });
    expect(session.session.ended).toBe(false);
    expect(await session.run('open("kept.txt").read()')).toMatchObject({ value: "'here'", interpreter: 'kept' });
  });

  it.each([
    ['kills its own interpreter', 'import os, signal\nos.kill(os.getpid(), signal.SIGKILL)', { signal: 'SIGKILL' }],
    ['leaves its interpreter', 'import os\nos._exit(3)', { exitCode: 3 }],
    ['crashes', 'import ctypes\nctypes.string_at(0)', { signal: 'SIGSEGV' }],
    ['closes every descriptor', 'import os\nos.closerange(0, 1024)', {}],
    ['kills its group', 'import os\nos.killpg(0, 9)', { signal: 'SIGKILL' }],
  ])('that %s is answered, and so is the next', async (_, code, ending) => {
    const session = await open();
    await session.run('open("f", "w").write("kept")');
    expect(await session.run(code)).toMatchObject({ outcome: 'completed', interpreter: 'lost', ...ending });
    expect(await session.run('open("f").read()')).toMatchObject({ value: "'kept'", interpreter: 'kept' });
  });

  it('that takes all memory is killed alone', async () => {
    const session = await open({ memoryBytes: 256 * 1024 * 1024 });
    expect(await session.run('x = bytearray(1 << 30)\nfor i in range(0, len(x), 4096): x[i] = 1')).toMatchObject({
      outcome: 'out_of_memory',
      interpreter: 'lost',
    });
    expect(await session.run('1 + 1')).toMatchObject({ value: '2' });
  });

  it('that floods its output is stopped, and its names survive', async () => {
    const session = await open();
    const run = await session.run('x = 7\nwhile True: print("y" * 1000)');
    expect(run).toMatchObject({ outcome: 'output_limit', interpreter: 'kept' });
    expect(await session.run('x')).toMatchObject({ value: '7' });
  });

  it('has random numbers of its own after a restart', async () => {
    const session = await open();
    const code = 'import random, numpy\nrandom.random(), numpy.random.random()';
    const first = await session.run(code);
    await session.session.restart();
    const second = await session.run(code);
    expect(second.value).not.toBe(first.value);
    expect(await session.run('"random" in dir()')).toMatchObject({ value: 'True' });
  });
});

describe('a workspace', () => {
  it('says what was written and what is gone since it was last asked', async () => {
    const session = await open();
    await session.session.stage([input('in.csv', 'a,b\n'), input('dir/x.txt', 'x')]);
    expect(await session.session.changes()).toEqual({
      touched: [],
      gone: [],
      folders: [],
      caches: [],
      truncated: false,
    });
    await session.run(
      'open("new.txt", "w").write("n")\nopen("in.csv", "a").write("1,2")\nimport os; os.remove("dir/x.txt")',
    );
    const { touched, gone } = await session.session.changes();
    const contents = await Promise.all(
      touched.map(async ({ path, content }) => {
        const text = Buffer.concat(await Array.fromAsync(content.read())).toString();
        content.close();
        return [path, text];
      }),
    );
    expect(contents).toEqual([
      ['in.csv', 'a,b\n1,2'],
      ['new.txt', 'n'],
    ]);
    expect(gone).toEqual(['dir/x.txt']);
    expect(await session.session.changes()).toEqual({
      touched: [],
      gone: [],
      folders: ['dir'],
      caches: [],
      truncated: false,
    });
    await session.session.remove(['new.txt']);
    expect(await session.run('import os; os.listdir()')).toMatchObject({ value: "['dir', 'in.csv']" });
    expect((await session.session.changes()).gone).toEqual([]);
  });

  it('is kept through a restart', async () => {
    const session = await open();
    await session.run('x = 1\nopen("f", "w").write("kept")');
    await session.session.restart();
    expect(await session.run('sorted(n for n in dir() if n == "x"), open("f").read()')).toMatchObject({
      value: "([], 'kept')",
    });
  });
});
