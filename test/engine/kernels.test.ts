import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFor } from '../support/cells.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});

afterAll(() => engine.close());

const wheres = {
  python: 'import os; print(os.getcwd())',
  javascript: 'console.log(process.cwd())',
  bash: 'pwd',
};

describe('kernels of one language in one session', () => {
  it('have variables and working directories of their own, and share the files', async () => {
    const { session, run } = await openFor(engine);
    for (const [language, where] of Object.entries(wheres)) {
      await session.startKernel({ language, id: `${language}-a`, folder: `${language}/deep/a` });
      await session.startKernel({ language, id: `${language}-b`, folder: '/tmp/elsewhere' });
      const print = async (kernel?: string) => (await run(where, { language, ...(kernel && { kernel }) })).stdout;
      expect(await print()).toBe('/mnt/data\n');
      expect(await print(`${language}-a`)).toBe(`/mnt/data/${language}/deep/a\n`);
      expect(await print(`${language}-b`)).toBe('/tmp/elsewhere\n');
    }
    await run('x = "default"');
    await run('x = "a"; open("made.txt", "w").write(x)', { kernel: 'python-a' });
    expect(await run('x')).toMatchObject({ value: "'default'" });
    expect(await run('x', { kernel: 'python-a' })).toMatchObject({ value: "'a'" });
    expect((await run('x', { kernel: 'python-b' })).error?.name).toBe('NameError');
    await run('y=1', { language: 'bash', kernel: 'bash-a' });
    expect((await run('echo "[$y]"', { language: 'bash', kernel: 'bash-b' })).stdout).toBe('[]\n');
    expect((await run('echo "[$y]"', { language: 'bash', kernel: 'bash-a' })).stdout).toBe('[1]\n');
    const { touched } = await session.changes();
    for (const { content } of touched) content.close();
    expect(touched.map(({ path }) => path)).toEqual(['python/deep/a/made.txt']);
  });

  it('are listed, restarted and stopped by their ids', async () => {
    const { session, run } = await openFor(engine);
    const started = await session.startKernel({ language: 'py', folder: 'work' });
    expect(started).toEqual({ id: expect.any(String), language: 'python', folder: '/mnt/data/work', state: 'idle' });
    const { id } = started;
    await run('x = 1', { kernel: id });
    await run('y = 1');
    expect(session.kernels()).toEqual([
      started,
      { id: 'python', language: 'python', folder: '/mnt/data', state: 'idle' },
    ]);
    expect(await session.restartKernel(id)).toEqual(started);
    expect((await run('x', { kernel: id })).error?.name).toBe('NameError');
    expect(await run('y')).toMatchObject({ value: '1' });
    const lost = await run('import os; os._exit(3)', { kernel: id });
    expect(lost).toMatchObject({ exitCode: 3, interpreter: 'lost' });
    expect(session.kernels()[0]).toMatchObject({ id, state: 'ended' });
    expect((await run('print(os.getcwd())\nimport os', { kernel: id })).error?.name).toBe('NameError');
    expect((await run('import os; os.getcwd()', { kernel: id })).value).toBe("'/mnt/data/work'");
    await session.stopKernel(id);
    expect(session.kernels().map((kernel) => kernel.id)).toEqual(['python']);
    expect(await run('y')).toMatchObject({ value: '1' });
  });

  it('end with what they have started, and others stay', async () => {
    const { session, run } = await openFor(engine);
    await session.startKernel({ language: 'python', id: 'a' });
    await run('import subprocess; child = subprocess.Popen(["sleep", "1000"])', { kernel: 'a' });
    await session.stopKernel('a');
    const names = 'import glob; print([open(p).read() for p in glob.glob("/proc/[0-9]*/comm")].count("sleep\\n"))';
    expect((await run(names)).stdout).toBe('0\n');
  });

  it('can be interrupted, one while the other keeps its variables', async () => {
    const { session, run, start } = await openFor(engine);
    await session.startKernel({ language: 'python', id: 'a' });
    await run('x = 1', { kernel: 'a' });
    let interrupted = false;
    const cell = start('print("begun", flush=True)\nwhile True: pass', {
      kernel: 'a',
      onEvent: (event) => {
        if (event.type !== 'stdout' || interrupted) return;
        interrupted = true;
        cell.interrupt();
      },
    });
    const end = await cell.done;
    expect(end, JSON.stringify(end)).toMatchObject({ error: { name: 'KeyboardInterrupt' } });
    expect(await run('x', { kernel: 'a' })).toMatchObject({ value: '1' });
  });

  it('are refused with the reason', async () => {
    const { session, run, start } = await openFor(engine);
    await run('open("file", "w").close()');
    const refusals = [
      [{ language: 'python', folder: 'file/below' }, /working directory .*Not a directory/],
      [{ language: 'python', folder: '/proc/1/x' }, /working directory/],
      [{ language: 'python', id: 'no good' }, /the id of a kernel/],
      [{ language: 'c' }, /no interpreter that stays/],
    ] as const;
    for (const [request, message] of refusals)
      await expect(session.startKernel(request)).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringMatching(message),
      });
    await session.startKernel({ language: 'python', id: 'a' });
    await expect(session.startKernel({ language: 'bash', id: 'a' })).rejects.toMatchObject({ code: 'conflict' });
    expect(() => start('1', { kernel: 'b' })).toThrow('no kernel b');
    expect(() => start('1', { kernel: 'a', language: 'bash' })).toThrow('runs python, not bash');
    await expect(session.stopKernel('b')).rejects.toMatchObject({ code: 'not_found' });
    expect(await run('1')).toMatchObject({ value: '1' });
  });

  it('are at most 16 in a session', async () => {
    const { session, run } = await openFor(engine);
    for (let n = 0; n < 16; n++) await session.startKernel({ language: 'bash', id: `k${n}` });
    await expect(session.startKernel({ language: 'bash' })).rejects.toMatchObject({ code: 'invalid_request' });
    expect((await run('echo $((6 * 7))', { language: 'bash', kernel: 'k15' })).stdout).toBe('42\n');
    await session.stopKernel('k3');
    expect((await run('6 * 7')).value).toBe('42');
  });

  it('begin anew after a restart of the session', async () => {
    const { session, run } = await openFor(engine);
    await session.startKernel({ language: 'python', id: 'a', folder: 'a' });
    await session.restart();
    expect(session.kernels()[0]).toMatchObject({ id: 'a', state: 'ended' });
    expect((await run('import os; os.getcwd()', { kernel: 'a' })).value).toBe("'/mnt/data/a'");
  });
});
