import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StateReport } from '../../src/core/index.ts';
import { openFor } from '../support/cells.ts';
import { startEngine, type TestEngine, type TestSession } from '../support/engine.ts';
import { kept, restore, StatePieces, save } from '../support/kernel-states.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

/** Runs cells in one sandbox, and gives another one its variables. */
async function moved(language: string, cells: readonly string[]): Promise<{ next: TestSession; report: StateReport }> {
  const pieces = new StatePieces();
  const first = await openFor(engine);
  for (const code of cells)
    expect(await first.run(code, { language })).toMatchObject({ outcome: 'completed', exitCode: 0 });
  const state = kept(await save(first, language, pieces));
  // The kernel goes on as before.
  expect(await first.run(language === 'bash' ? 'true' : '1', { language })).toMatchObject({ exitCode: 0 });
  const next = await openFor(engine);
  return { next, report: kept(await restore(next, language, state, pieces)) };
}

describe('variables of a kernel in another sandbox', () => {
  it('are there in Python, and what is lost says so', async () => {
    const { next, report } = await moved('python', [
      'import numpy as np\nrate = 0.2\ndef net(x): return x * (1 - rate)\nbase = np.arange(100_000.0); part = base[:3]',
      'gen = (i for i in range(3)); holder = {"good": 1, "gen": gen}',
    ]);
    expect(report.lost).toMatchObject([{ name: 'gen', type: 'generator' }]);
    expect(report.partial).toMatchObject([{ name: 'holder', lost: ['generator'] }]);
    const cell = await next.run('rate = 0.5\npart[0] = 7\nprint(net(10), base[0], holder["good"])');
    expect(cell).toMatchObject({ stdout: '5.0 7.0 1\n', exitCode: 0 });
    expect((await next.run('gen')).stderr).toContain(
      "NameError: name 'gen' is not defined; a generator of that name was lost when the sandbox of this session ended",
    );
    expect((await next.run('holder["gen"].x')).stderr).toContain('LostError: a generator was lost');
    expect((await next.run('gen = 1; del gen; gen')).stderr).toContain("name 'gen' is not defined");
  });

  it('are there in JavaScript', async () => {
    const { next, report } = await moved('javascript', [
      readFileSync(new URL('../conformance/state/javascript/session.js', import.meta.url), 'utf8'),
      'const pending = new Promise(() => {}); class Secret { #x = 1; get x() { return this.#x; } }; const secret = new Secret();',
    ]);
    expect(report.lost.map(({ name, reason }) => [name, reason])).toEqual([
      ['pending', 'it is not settled'],
      ['secret', 'it has private fields'],
    ]);
    const probes = readFileSync(new URL('../conformance/state/javascript/probes.js', import.meta.url), 'utf8');
    const cell = await next.run(probes, { language: 'javascript' });
    expect(cell).toMatchObject({ stdout: '', stderr: '', exitCode: 0 });
    const gone = await next.run('pending', { language: 'javascript' });
    expect(gone.stderr).toContain('pending is not defined; a Promise of that name was lost');
  });

  it('are there in Bash', async () => {
    const { next, report } = await moved('bash', [
      `x=5; arr=(a "b c"); declare -A m=([k]=v); export EX=1; f() { echo "f $1"; }; alias hi='echo hi'
mkdir -p d1 d2; pushd d1 > /dev/null; pushd ../d2 > /dev/null; multi=$'a\\nb'; declare -r RO=7`,
      `set -f; trap 'echo usr' USR1; set -- p1 'p 2'; complete -W 'a b' cmd; ulimit -S -n 200; umask 027; shopt -s nullglob
sleep 100 > /dev/null 2>&1 &`,
    ]);
    expect(report.lost).toMatchObject([{ type: 'job' }]);
    expect(report.kept.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['x', 'arr', 'm', 'EX', 'f', 'multi', 'RO']),
    );
    await next.run('mkdir -p d1 d2', { language: 'bash' });
    const cell = await next.run(
      `echo "$x \${arr[1]} \${m[k]} $EX $multi $RO $2 $#"; f y; hi; trap -p USR1; complete -p cmd; ulimit -S -n; umask; shopt -q nullglob; echo $?
[[ $- == *f* ]] && echo noglob`,
      { language: 'bash' },
    );
    expect(cell.stdout).toBe(
      `5 b c v 1 a\nb 7 p 2 2\nf y\nhi\ntrap -- 'echo usr' SIGUSR1\ncomplete -W 'a b' cmd\n200\n0027\n0\nnoglob\n`,
    );
  });

  it('are saved again without a byte where a large array has not changed', async () => {
    const pieces = new StatePieces();
    const session = await openFor(engine);
    await session.run('import numpy as np; big = np.random.default_rng(1).random(1_000_000); n = 1');
    kept(await save(session, 'python', pieces));
    const before = new Set(pieces.digests);
    await session.run('n = 2');
    const state = kept(await save(session, 'python', pieces));
    const added = state.pieces.filter(({ digest }) => !before.has(digest));
    expect(added.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(100_000);
    expect(state.bytes).toBeGreaterThan(8_000_000);
  });
});
