import { afterAll, beforeAll, expect, it } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const right = { outcome: 'completed', exitCode: 0, stderr: '' };

it('a program sees its objects counted and freed, whatever the zygote has loaded', async () => {
  const code = [
    'import sys, weakref, gc',
    'class Kept: pass',
    'one = Kept()',
    'print(sys.getrefcount(one))',
    'seen = weakref.ref(one)',
    'del one',
    'print(seen())',
    'loop = Kept(); loop.self = loop; seen = weakref.ref(loop); del loop; gc.collect()',
    'print(seen())',
    // Also when the collector looks at what the zygote has loaded.
    'gc.unfreeze(); gc.collect(); import json; print(json.dumps([1]))',
  ].join('\n');
  expect(await engine.run('python', code)).toMatchObject({ ...right, stdout: '2\nNone\nNone\n[1]\n' });
});

it('a program that forks has the fork hooks of Python', async () => {
  const code = [
    'import os, random, threading, logging, asyncio, multiprocessing',
    'reader, writer = os.pipe()',
    'if os.fork() == 0:',
    '    os.write(writer, repr(random.random()).encode())',
    '    os._exit(0)',
    'os.wait()',
    'print(os.read(reader, 100).decode() != repr(random.random()))',
    'print(threading.main_thread().native_id == threading.get_native_id())',
    'done = []',
    'thread = threading.Thread(target=lambda: done.append(1)); thread.start(); thread.join()',
    'print(done, asyncio.run(asyncio.sleep(0, 2)))',
    'with multiprocessing.Pool(2) as pool: print(pool.map(abs, [-1, -2]))',
  ].join('\n');
  expect(await engine.run('python', code)).toMatchObject({ ...right, stdout: 'True\nTrue\n[1] 2\n[1, 2]\n' });
});

it('libraries have done in a program what they do in a fork', async () => {
  const code = [
    'import matplotlib.pyplot as plt',
    'plt.title("text, with fonts that are open"); plt.plot([1]); plt.savefig("a.png"); print(1)',
  ].join('\n');
  const runs = await Promise.all([engine.run('python', code), engine.run('python', code)]);
  for (const run of runs) expect(run).toMatchObject({ ...right, stdout: '1\n' });
});

it('a program sees nothing of what a zygote has loaded that is a fork of its own', async () => {
  const code = 'import sys\nprint([name for name in ("IPython", "dragoman_python.serve") if name in sys.modules])\n';
  const run = (more: string) => engine.run('python', code + more);
  for (const more of ['', 'import asyncio', 'import numpy, pandas'])
    expect(await run(more)).toMatchObject({ ...right, stdout: '[]\n' });
  const inLight = await engine.run(
    'python',
    'import sys\nprint("num" + "py" in sys.modules, "s" + "sl" in sys.modules)',
  );
  expect(inLight).toMatchObject({ ...right, stdout: 'False False\n' });
});

it('the C library of a plain program, which took over the memory of the first process, knows its thread', async () => {
  const code = [
    'import ctypes, os, threading, signal',
    'libc = ctypes.CDLL(None)',
    'print(os.getpid() == libc.gettid() == threading.get_native_id() == threading.main_thread().native_id, os.getppid())',
    // The kernel tells it by the area that both share, which each thread has to name anew.
    'for cpu in os.sched_getaffinity(0):',
    '    os.sched_setaffinity(0, [cpu])',
    '    if libc.sched_getcpu() != cpu: print("wrong")',
    'done = []',
    'thread = threading.Thread(target=lambda: done.append(threading.get_native_id())); thread.start(); thread.join()',
    'print(len(done), done != [os.getpid()])',
    'if os.fork() == 0: os._exit(3)',
    'print(os.waitstatus_to_exitcode(os.wait()[1]), os.system("exit 4") >> 8)',
    'os.kill(os.getpid(), signal.SIGTERM)',
  ].join('\n');
  const stdout = 'True 1\n1 True\n3 4\n';
  expect(await engine.run('python', code)).toMatchObject({ outcome: 'completed', signal: 'SIGTERM', stdout });
});

it('a library with threads of its own has them in a program that took over the memory of the first process', async () => {
  const code = [
    'import io, pandas as pd, pyarrow as pa',
    'frame = pd.DataFrame({"a": range(200_000), "b": [str(n) for n in range(200_000)]})',
    'file = io.BytesIO(); frame.to_parquet(file); file.seek(0)',
    'pa.set_cpu_count(4)',
    'back = pd.read_parquet(file, use_threads=True)',
    'print(back.equals(frame), pa.cpu_count(), len(pa.compute.unique(pa.array(range(1000)))) if hasattr(pa, "compute") else 1000)',
  ].join('\n');
  expect(await engine.run('python', code)).toMatchObject({ ...right, stdout: 'True 4 1000\n' });
});
