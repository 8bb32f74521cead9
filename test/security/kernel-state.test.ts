import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KernelState } from '../../src/engine/index.ts';
import { openFor } from '../support/cells.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { kept, restore, StatePieces, save } from '../support/kernel-states.ts';
import { atPace } from '../support/tier.ts';
import { attacking } from './attack.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const MiB = 1024 * 1024;

/** Classes whose own code runs when they are saved or loaded. */
const hostile = `
import os, sys, time, signal, threading
good = [1, 2, 3]
class Hangs:
    def __reduce__(self):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        while True: pass
class Exits:
    def __reduce__(self): os._exit(0)
class Interrupts:
    def __reduce__(self): raise KeyboardInterrupt
class Kills:
    def __reduce__(self):
        os.kill(os.getppid(), signal.SIGSTOP) if False else os.kill(os.getpid(), signal.SIGKILL)
class Forks:
    def __reduce__(self):
        for _ in range(5):
            if os.fork() == 0:
                time.sleep(2); os._exit(0)
        return (dict, ())
class Writes:
    def __reduce__(self):
        open('/mnt/data/left.txt', 'w').write('x' * 100)
        return (str, ('written',))
class Prints:
    def __getstate__(self):
        print('seen'); sys.stderr.write('seen'); os.write(1, b'seen')
        return {'v': 1}
class Mutates:
    def __getstate__(self):
        good.clear(); globals().clear()
        return {'v': 1}
class Allocates:
    def __reduce__(self):
        held = [b'x' * (1 << 20) for _ in range(4096)]
        return (len, (held,))
class Loads:
    def __getstate__(self): return {'a': 1}
    def __setstate__(self, state):
        print('seen'); os._exit(0)
`;

describe('classes that are hostile to being saved', attacking('variables'), () => {
  for (const name of ['Hangs', 'Exits', 'Interrupts', 'Kills', 'Forks', 'Writes', 'Allocates', 'Loads'])
    it(`cost themselves alone: ${name}`, async () => {
      const pieces = new StatePieces();
      const session = await openFor(engine);
      await session.run(`${hostile}\nbad = ${name}()\nlater = 'kept'`);
      const state = kept(await save(session, 'python', pieces, { deadlineMs: 10_000 }));
      // The kernel has every variable, and nothing was printed or written.
      const cell = await session.run(
        "import os; print(good, later, type(bad).__name__, os.path.exists('left.txt') and os.path.getsize('left.txt'))",
      );
      expect(cell).toMatchObject({
        stdout: expect.stringMatching(`^\\[1, 2, 3\\] kept ${name} (?:False|0)\n$`),
        stderr: '',
        interpreter: 'kept',
      });
      const next = await openFor(engine);
      const report = kept(await restore(next, 'python', state, pieces));
      expect(report.lost.map((each) => each.name)).toEqual(['bad']);
      expect(await next.run('print(good, later)')).toMatchObject({ stdout: '[1, 2, 3] kept\n', stderr: '' });
    });

  it('do not reach the kernel by what they print or change', async () => {
    const pieces = new StatePieces();
    const session = await openFor(engine);
    await session.run(`${hostile}\nfirst, second = Prints(), Mutates()`);
    const state = kept(await save(session, 'python', pieces));
    expect(await session.run('print(good)')).toMatchObject({ stdout: '[1, 2, 3]\n', stderr: '' });
    const next = await openFor(engine);
    kept(await restore(next, 'python', state, pieces));
    expect(await next.run('print(first.v)')).toMatchObject({ stdout: '1\n', stderr: '' });
  });
});

describe('streams that no kernel has written', attacking('variables'), () => {
  it('are refused where a process of the session writes among the frames', async () => {
    const pieces = new StatePieces();
    const session = await openFor(engine);
    await session.run(`
import os, threading, stat
x = 'kept'
pipes = [int(fd) for fd in os.listdir('/proc/self/fd') if int(fd) > 100 and os.access(f'/proc/self/fd/{fd}', os.W_OK)]
if os.fork() == 0:
    os.setsid()
    while True:
        for fd in pipes:
            try: os.write(fd, b'DRGSTAT1' + b'H' + bytes(8) + b'D' + b'\\xff' * 8)
            except OSError: pass
`);
    const state = await save(session, 'python', pieces, { deadlineMs: 2000 });
    expect(state).toMatchObject({ reason: expect.stringMatching(/broken|deadline|unavailable|failed/) });
  });

  it('are refused with another digest, cut, or of another kernel', async () => {
    const pieces = new StatePieces();
    const session = await openFor(engine);
    await session.run('x = 1');
    const state = kept(await save(session, 'python', pieces));
    const javascript = await openFor(engine);
    await javascript.run('const x = 1', { language: 'javascript' });
    const foreign = kept(await save(javascript, 'javascript', pieces));
    const bad: KernelState[] = [
      { ...state, digest: '0'.repeat(64) },
      { ...state, pieces: [] },
      { ...state, head: state.head.replace('"format": 1', '"format": 2') },
      foreign,
    ];
    for (const each of bad) {
      const next = await openFor(engine);
      expect(await restore(next, 'python', each, pieces)).toMatchObject({ reason: expect.any(String) });
      expect(await next.run('print(1)')).toMatchObject({ stdout: '1\n', exitCode: 0 });
      await next.close();
    }
  });

  it('that need more memory than there is end in a fresh kernel', async () => {
    const pieces = new StatePieces();
    const session = await openFor(engine, { memoryBytes: 1024 * MiB });
    await session.run('import numpy as np; big = np.ones(40_000_000); y = 2');
    // Hundreds of megabytes take a while where others work too.
    const bounds = { maxBytes: 1024 * MiB, deadlineMs: atPace(90_000) };
    const state = kept(await save(session, 'python', pieces, bounds));
    const next = await openFor(engine, { memoryBytes: 192 * MiB });
    const end = await restore(next, 'python', state, pieces);
    // As a whole, or for the one variable that does not fit.
    if ('reason' in end) expect(end.reason).toMatch(/memory|failed|unavailable/);
    else expect(end.lost.map(({ name }) => name)).toContain('big');
    const cell = await next.run('print("runs")').catch(() => undefined);
    if (cell) expect(cell.stdout).toBe('runs\n');
  });
});
