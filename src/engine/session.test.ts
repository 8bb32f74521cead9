import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import type { ScriptedBackend } from '../sandbox/fixtures/scripted-backend.ts';
import type { ScriptedSandbox } from '../sandbox/fixtures/scripted-sandbox.ts';
import { input, limits, startScriptedEngine } from './fixtures/scripted-engine.ts';
import type { Engine, EngineCallOptions, EngineSession } from './port.ts';
import { SandboxGone } from './sandbox-gone.ts';

let engine: Engine;
let backend: ScriptedBackend;
let session: EngineSession;
let guest: ScriptedSandbox;
beforeEach(async () => {
  ({ engine, backend } = await startScriptedEngine());
  session = await engine.openSession(limits, 'ann');
  guest = backend.made.find(({ owner }) => owner === 'ann')!;
});
afterEach(() => engine.close());

const run = (code: string, options: EngineCallOptions & { wallMs?: number } = {}) =>
  session.run({ language: 'python', code }, { ...options, limits: { ...limits, wallMs: options.wallMs ?? 5000 } });

describe('a cell', () => {
  it('is a result with everything it printed and displayed, and leaves the sandbox frozen', async () => {
    backend.run = async ({ code }, guest) => {
      await guest.print(`ran ${code}`);
      await guest.print('oops', 'stderr');
      const token = guest.orders.findLast((frame) => frame.op === 'cell')!.token;
      await guest.claim({ claim: 'event', token, event: { event: 'result', bundle: { 'text/plain': '42' }, mark: 7 } });
      return 0;
    };
    const events: string[] = [];
    const end = await run('6 * 7', { onEvent: ({ type }) => events.push(type) }).done;
    expect(end).toMatchObject({ outcome: 'completed', exitCode: 0, interpreter: 'kept', stderr: { text: 'oops' } });
    expect(end.stdout.text).toBe('ran 6 * 7');
    expect(end.outputs).toEqual([{ kind: 'result', bundle: { 'text/plain': '42' }, after: { stdout: 9, stderr: 4 } }]);
    expect(events).toEqual(['stdout', 'stderr', 'result']);
    expect(guest.orders.at(-1)).toMatchObject({ op: 'seen', mark: 7 });
    await session.changes();
    expect(guest.isFrozen).toBe(true);
  });

  it('hears nothing that leftover threads wrote before the sandbox stood still', async () => {
    let frozen = () => {};
    const freeze = guest.freeze.bind(guest);
    guest.freeze = () => new Promise((resolve) => (frozen = resolve));
    await run('first').done;
    await guest.print('leftover');
    const next = run('second');
    frozen();
    guest.freeze = freeze;
    expect((await next.done).stdout.text).toBe('');
  });

  it('that passes its time limit is interrupted, and keeps its interpreter if the code reacts', async () => {
    backend.run = async ({ interrupted }, guest) => {
      await new Promise((resolve) => interrupted.addEventListener('abort', resolve));
      await guest.print('interrupted');
      return 1;
    };
    const end = await run('slow', { wallMs: 20 }).done;
    expect(end).toMatchObject({ outcome: 'timed_out', signal: 'SIGINT', interpreter: 'kept' });
    expect(end.stdout.text).toBe('interrupted');
    expect(session.ended).toBe(false);
  });

  it('that ignores the interrupt loses its kernel; one whose sandbox no longer answers ends the session', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      backend.run = () => undefined;
      const stubborn = run('stubborn', { wallMs: 100 }).done;
      await vi.advanceTimersByTimeAsync(1200);
      expect(await stubborn).toMatchObject({ outcome: 'timed_out', signal: 'SIGKILL', interpreter: 'lost' });
      expect(session.ended).toBe(false);
      const cell = run('unresponsive', { wallMs: 100 }).done;
      guest.send = async () => {};
      await vi.advanceTimersByTimeAsync(4000);
      expect(await cell).toMatchObject({ outcome: 'timed_out', interpreter: 'lost' });
      expect(session.ended).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is interrupted on request, however early, and cancelled by its signal', async () => {
    backend.run = ({ interrupted }) =>
      new Promise((resolve) => interrupted.addEventListener('abort', () => resolve(130)));
    const cell = run('slow');
    cell.interrupt();
    expect(await cell.done).toMatchObject({ outcome: 'completed', exitCode: 130 });
    expect(await run('slow', { signal: AbortSignal.abort() }).done).toMatchObject({ outcome: 'cancelled' });
  });

  it('that floods its output is stopped, with head and tail of it kept', async () => {
    backend.run = async ({ interrupted }, guest) => {
      while (!interrupted.aborted) {
        await guest.print('x'.repeat(1000));
        await new Promise(setImmediate);
      }
      return 1;
    };
    const end = await run('flood').done;
    expect(end).toMatchObject({ outcome: 'output_limit', stdout: { truncated: true } });
  });

  it('ends its sandbox by a claim that breaks the protocol, and is killed by that', async () => {
    backend.run = async (_, guest) => {
      await guest.claim({ claim: 'nonsense' });
      return undefined;
    };
    expect(await run('forge').done).toMatchObject({ outcome: 'killed', interpreter: 'lost' });
    expect(session.ended).toBe(true);
  });

  it('takes no claim with the token of another', async () => {
    backend.run = async (_, guest) => {
      await guest.claim({ claim: 'done', token: 'other', code: 3, signal: null });
      return 0;
    };
    expect(await run('forge').done).toMatchObject({ exitCode: 0 });
  });
});

describe('memory', () => {
  it('that runs out in a cell ends that cell', async () => {
    backend.run = (_, guest) => {
      guest.killForMemory('other');
      return 'SIGKILL';
    };
    expect(await run('greedy').done).toMatchObject({ outcome: 'out_of_memory' });
    backend.run = () => 1;
    expect(await run('innocent').done).toMatchObject({ outcome: 'completed', exitCode: 1 });
  });

  it('that runs out between cells does not count against the next cell', async () => {
    await run('1').done;
    guest.killForMemory('other');
    backend.run = () => 1;
    expect(await run('innocent').done).toMatchObject({ outcome: 'completed', exitCode: 1 });
  });

  it('that runs out for the first process while a cell runs ends the cell and the session', async () => {
    backend.run = (_, guest) => {
      guest.killForMemory('first');
      return undefined;
    };
    expect(await run('greedy').done).toMatchObject({ outcome: 'out_of_memory', interpreter: 'lost' });
    expect(session.ended).toBe(true);
  });
});

describe('a session whose sandbox died', () => {
  it('between cells rejects the next one with SandboxGone, before any of it runs', async () => {
    await run('1').done;
    guest.killForMemory('first');
    const codes: string[] = [];
    backend.run = ({ code }) => {
      codes.push(code);
      return 0;
    };
    await expect(run('innocent').done).rejects.toBeInstanceOf(SandboxGone);
    expect([session.ended, codes]).toEqual([true, []]);
  });

  it('in its sleep, which shows only when it is thawed, rejects the next one with SandboxGone as well', async () => {
    await run('1').done;
    await session.changes();
    // A frozen process does not see the signal that kills it.
    const thaw = guest.thaw.bind(guest);
    guest.thaw = async () => {
      guest.killForMemory('first');
      await thaw();
    };
    await expect(run('innocent').done).rejects.toMatchObject({ code: 'sandbox_unavailable', retryable: true });
    expect(session.ended).toBe(true);
  });

  it('ends by any process that cannot be stopped', async () => {
    guest.cannotFreeze = true;
    await run('1').done;
    await eventually(() => expect(session.ended).toBe(true));
  });

  it('refuses everything but its end', async () => {
    guest.exit();
    await expect(session.stage([input('a', 'a')])).rejects.toBeInstanceOf(SandboxGone);
    await expect(session.remove(['a'])).rejects.toBeInstanceOf(SandboxGone);
    await expect(session.restart()).rejects.toBeInstanceOf(SandboxGone);
    await session.close();
    expect(guest.calls.at(-1)).toBe('destroy');
  });
});

describe('the files of a session', () => {
  it('are staged, changed and removed, and only what code does counts as a change', async () => {
    await session.stage([input('a.txt', 'a'), input('.in/b.txt', 'b')]);
    expect(await session.changes()).toEqual({ touched: [], gone: [], folders: [], caches: [], truncated: false });
    backend.run = (_, guest) => {
      guest.files.write('new.txt', 'new');
      guest.files.write('.in/b.txt', 'changed');
      guest.files.remove('a.txt');
      return 0;
    };
    await run('work').done;
    const { touched, gone } = await session.changes();
    expect([touched.map(({ path }) => path).sort(), gone]).toEqual([['.in/b.txt', 'new.txt'], ['a.txt']]);
    expect(await session.changes()).toMatchObject({ touched: [], gone: [] });
    await session.remove(['new.txt']);
    expect(guest.files.paths).toEqual(['.in/b.txt']);
    expect(await session.changes()).toMatchObject({ touched: [], gone: [] });
  });

  it('are looked at again once the sandbox stands still', async () => {
    backend.run = (_, guest) => {
      guest.files.write('f', '1');
      const freeze = guest.freeze.bind(guest);
      guest.freeze = async () => {
        guest.files.write('f', '12');
        await freeze();
      };
      return 0;
    };
    await run('write').done;
    const { touched } = await session.changes();
    expect(touched.map(({ content }) => content.size)).toEqual([2]);
  });

  it('that do not fit are refused', async () => {
    await expect(session.stage([input('big', 'x'.repeat(2 << 20))])).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
