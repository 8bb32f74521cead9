import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ScriptedBackend } from '../sandbox/fixtures/scripted-backend.ts';
import type { ScriptedSandbox } from '../sandbox/fixtures/scripted-sandbox.ts';
import { input, limits, startScriptedEngine } from './fixtures/scripted-engine.ts';
import type { Engine, EngineCallOptions, EngineRequest } from './port.ts';

let engine: Engine;
let backend: ScriptedBackend;
beforeEach(async () => {
  ({ engine, backend } = await startScriptedEngine());
});
afterEach(() => engine.close());

async function execute(request: Partial<EngineRequest> = {}, options: EngineCallOptions = {}) {
  const whole = { language: 'bash', code: 'true', args: [], stdin: undefined, inputs: [], limits, owner: 'ann' };
  const run = await engine.execute({ ...whole, ...request }, options);
  const files = Object.fromEntries(run.artifacts.map(({ path, change, content }) => [path, [change, content.size]]));
  run.release();
  return { ...run, files };
}
const used = () => backend.made.filter(({ owner }) => owner === 'ann');

describe('a program', () => {
  it('gets its source, input and arguments, and is a result with everything it printed', async () => {
    backend.run = async ({ frame }, guest) => {
      await guest.print(`${guest.files.read('script.sh')} ${guest.standardInput}`);
      await guest.print('argv' in frame ? frame.argv!.at(-1)! : '', 'stderr');
      return 3;
    };
    const { result } = await execute({ code: 'exit 3', args: ['last'], stdin: 'typed' });
    expect(result).toMatchObject({ outcome: 'completed', exitCode: 3, stage: 'run', compileUsage: null });
    expect([result.stdout.text, result.stderr.text]).toEqual(['exit 3 typed', 'last']);
  });

  it('has a sandbox of its own, which is destroyed', async () => {
    await execute();
    await execute();
    await vi.waitFor(() => expect(used().map(({ ended }) => ended)).toEqual([true, true]));
  });

  it('is staged while its permit is waited for, and runs only with it', async () => {
    let ran = 0;
    backend.run = async (_, guest) => {
      ran++;
      await guest.print(guest.files.read('a')!);
      return 0;
    };
    const given = Promise.withResolvers<void>();
    const inputs = [input('a', 'x')];
    const running = execute({ inputs }, { permit: given.promise });
    await expect.poll(() => used().length).toBe(1);
    await expect.poll(() => used()[0]!.files.read('a')).toBe('x');
    expect(ran).toBe(0);
    given.resolve();
    expect((await running).result).toMatchObject({ outcome: 'completed', stdout: { text: 'x' } });
    const refused = Promise.withResolvers<void>();
    const never = execute({ inputs }, { permit: refused.promise });
    await expect.poll(() => used().length).toBe(2);
    refused.reject(new Error('refused'));
    await expect(never).rejects.toThrow('refused');
    expect(ran).toBe(1);
    await expect.poll(() => used().map(({ ended }) => ended)).toEqual([true, true]);
  });

  it.each<[string, (guest: ScriptedSandbox) => number | string | undefined, object]>([
    ['killed by a signal', () => 'SIGSEGV', { outcome: 'completed', signal: 'SIGSEGV' }],
    [
      'out of memory',
      (guest) => {
        guest.killForMemory('other');
        return 'SIGKILL';
      },
      { outcome: 'out_of_memory' },
    ],
    [
      'that survives the loss of a child',
      (guest) => {
        guest.killForMemory('other');
        return 0;
      },
      { outcome: 'completed', exitCode: 0 },
    ],
    [
      'that exits without a claim',
      (guest) => {
        guest.exit({ code: 4, signal: null });
        return undefined;
      },
      { outcome: 'completed', exitCode: 4 },
    ],
  ])('%s is reported as such', async (_, script, expected) => {
    backend.run = (_, guest) => script(guest);
    expect((await execute()).result).toMatchObject(expected);
  });

  it('is stopped at its limits and by its caller, with what it had printed', async () => {
    backend.run = async (_, guest) => {
      await guest.print('begun');
      return undefined;
    };
    const late = await execute({ limits: { ...limits, wallMs: 50 } });
    expect(late.result).toMatchObject({ outcome: 'timed_out', signal: 'SIGKILL', stdout: { text: 'begun' } });
    const abort = new AbortController();
    const cancelled = await execute({}, { signal: abort.signal, onEvent: () => abort.abort() });
    expect(cancelled.result).toMatchObject({ outcome: 'cancelled', stdout: { text: 'begun' } });
    expect((await execute({}, { signal: AbortSignal.abort() })).result).toMatchObject({ outcome: 'cancelled' });
    backend.run = async (_, guest) => {
      await guest.print('x'.repeat(limits.floodBytes + 1));
      return undefined;
    };
    expect((await execute()).result).toMatchObject({ outcome: 'output_limit', stdout: { truncated: true } });
  });

  it('whose sandbox died before anything was heard of it runs again, once; one that was heard of does not', async () => {
    let deaths = 0;
    backend.run = (_, guest) => {
      if (++deaths > 1) return 0;
      guest.exit();
      return undefined;
    };
    expect((await execute()).result).toMatchObject({ outcome: 'completed' });
    backend.run = async (_, guest) => {
      deaths++;
      await guest.print('heard');
      guest.exit();
      return undefined;
    };
    expect((await execute()).result).toMatchObject({ outcome: 'killed', stdout: { text: 'heard' } });
    expect(deaths).toBe(3);
  });

  it('that runs again has what is left of its time, and both count', async () => {
    let begun = 0;
    backend.run = async (_, guest) => {
      if (++begun > 1) return undefined;
      await setTimeout(1200);
      guest.exit();
      return undefined;
    };
    const start = performance.now();
    const { outcome, usage } = (await execute({ limits: { ...limits, wallMs: 1600 } })).result;
    const tookMs = performance.now() - start;
    expect([begun, outcome]).toEqual([2, 'timed_out']);
    expect(usage.wallMs).toBeGreaterThanOrEqual(1500);
    // With the whole of its time again it would be 2800 at least.
    expect(tookMs).toBeLessThan(2700);
  });

  it('in a language that does not exist is refused', async () => {
    await expect(execute({ language: 'klingon' })).rejects.toMatchObject({ code: 'unsupported_language' });
  });
});

describe('the files of a program', () => {
  it('that makes none are not looked at twice, and its sandbox is not stopped', async () => {
    const run = await execute({ inputs: [input('a.txt', 'a')] });
    expect([run.files, run.inherited, run.deleted]).toEqual([{}, ['a.txt'], []]);
    expect(used()[0]!.calls).not.toContain('freeze');
  });

  it('are told apart: made, changed, left alone, deleted, and those that may not change', async () => {
    backend.run = (_, guest) => {
      guest.files.write('made', 'new');
      guest.files.write('changed', 'other');
      guest.files.write('fixed', 'other');
      guest.files.write('script.sh', 'changed');
      guest.files.remove('gone');
      return 0;
    };
    const inputs = [input('changed', 'old'), input('same', 's'), input('gone', 'g'), input('fixed', 'f', true)];
    const run = await execute({ inputs });
    expect(run.files).toEqual({ made: ['created', 3], changed: ['modified', 5], 'script.sh': ['created', 7] });
    expect([run.inherited, run.deleted]).toEqual([['same', 'fixed'], ['gone']]);
    expect(used()[0]!.calls).toContain('freeze');
  });

  it('that do not fit are refused before anything runs', async () => {
    let runs = 0;
    backend.run = () => ++runs;
    const half = 'x'.repeat(600_000);
    const large = [input('a', half), input('b', half)];
    await expect(execute({ inputs: large })).rejects.toMatchObject({ code: 'invalid_request', message: /workspace/ });
    const broken = { ...input('a', 'abc'), size: 2 };
    await expect(execute({ inputs: [broken] })).rejects.toThrow('recorded size');
    expect([runs, used().every(({ ended }) => ended)]).toEqual([0, true]);
  });
});

describe('a compiled program', () => {
  it('is compiled in a sandbox of its own and run in another', async () => {
    backend.run = ({ frame }, guest) => {
      if (frame.op === 'run' && frame.kind === 'program' && guest.files.read('main.c') && frame.argv[0] !== '/tmp')
        if (frame.argv.some((word) => word.startsWith('.program'))) guest.files.write('.program-0', 'binary');
      return 0;
    };
    const { result } = await execute({ language: 'c', code: 'int main() {}' });
    expect(result).toMatchObject({ outcome: 'completed', stage: 'run' });
    expect(result.compileUsage).not.toBeNull();
    expect(used()).toHaveLength(2);
    const written = used()[1]!.orders.filter((frame) => frame.op === 'write');
    expect(written.map((frame) => [frame.mode, frame.size])).toContainEqual([0o755, 6]);
  });

  it('that cannot be compiled is the compiler’s result, and nothing runs', async () => {
    backend.run = async (_, guest) => {
      await guest.print('error: expected ;', 'stderr');
      return 1;
    };
    const events: string[] = [];
    const onEvent: EngineCallOptions['onEvent'] = (event) => events.push(event.type);
    const run = await execute({ language: 'c', code: 'int', inputs: [input('a.h', 'h')] }, { onEvent });
    expect(run.result).toMatchObject({ stage: 'compile', exitCode: 1, stderr: { text: 'error: expected ;' } });
    expect([run.inherited, events, used().length]).toEqual([['a.h'], ['stderr'], 1]);
  });

  it('whose compiler’s sandbox died before anything was heard of it is compiled again, once', async () => {
    let compilers = 0;
    backend.run = async (_, guest) => {
      if (!guest.files.read('main.c')) return 0;
      compilers++;
      await setTimeout(20);
      if (compilers !== 2) guest.exit();
      guest.files.write('.program-0', 'binary');
      return 0;
    };
    const { result } = await execute({ language: 'c', code: 'int main() {}' });
    expect(result).toMatchObject({ outcome: 'completed', stage: 'run' });
    expect(result.compileUsage!.wallMs).toBeGreaterThanOrEqual(40);
    const other = await execute({ language: 'c', code: 'int main() {}' });
    expect([other.result.stage, other.result.outcome, compilers]).toEqual(['compile', 'killed', 4]);
  });

  it('whose compiler says that all is well and makes nothing is a failure', async () => {
    const { result } = await execute({ language: 'c', code: 'int main() {}' });
    expect(result).toMatchObject({ stage: 'compile', exitCode: 1, stderr: { text: /made no program/ } });
  });

  it('is compiled for longer where sandboxes are slow, and runs no longer', async () => {
    await engine.close();
    ({ engine, backend } = await startScriptedEngine({ pace: 1000 }));
    backend.run = async (_, guest) => {
      if (!guest.files.read('main.c')) return new Promise<never>(() => {});
      await setTimeout(300);
      guest.files.write('.program-0', 'binary');
      return 0;
    };
    const { result } = await execute({ language: 'c', code: 'int main() {}', limits: { ...limits, wallMs: 100 } });
    expect(result).toMatchObject({ outcome: 'timed_out', stage: 'run' });
    expect(result.compileUsage!.wallMs).toBeGreaterThan(100);
  });
});
