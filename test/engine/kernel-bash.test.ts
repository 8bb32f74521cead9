import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { openFor } from '../support/cells.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

async function openShell(atEnd?: TestContext['onTestFinished']) {
  const session = await openFor(engine, {}, atEnd);
  return (code: string, wallMs = 10_000) => session.run(code, { language: 'bash', limits: { wallMs } });
}

const state = `x=5; export Y=out; list=(a "b c"); declare -A map=([k]=v); f() { echo "f $1 $x"; }; alias hi='echo hello'; cd /tmp; umask 027`;
const show = `pwd; f one; echo "$x \${list[1]} \${map[k]}"; bash -c 'echo $Y'; hi; umask`;
const shown = '/tmp\nf one 5\n5 b c v\nout\nhello\n0027\n';

describe('a Bash cell', () => {
  it('leaves folder, variables, functions, aliases and environment to the next', async () => {
    const run = await openShell();
    expect(await run(state)).toMatchObject({ outcome: 'completed', exitCode: 0, interpreter: 'kept' });
    expect(await run(show)).toMatchObject({ stdout: shown, stderr: '' });
  });

  it.each([
    ['exit', 'echo before; exit 3; echo after', { exitCode: 3, stdout: 'before\n' }],
    ['exit in a function', 'leave() { exit 4; }; leave; echo after', { exitCode: 4, stdout: '' }],
    ['set -e', 'set -e; false; echo after', { exitCode: 1, stdout: '' }],
    ['an unbound variable', 'set -u; echo $nosuch; echo after', { exitCode: 1, stdout: '' }],
    ['SIGTERM', 'kill -TERM $$; echo after', { exitCode: 143, stdout: '' }],
    ['return', 'return 7; echo after', { exitCode: 7, stdout: '' }],
    ['a syntax error', 'echo before\nif then', { exitCode: 2, stdout: 'before\n' }],
  ])('that ends by %s ends alone: everything is there for the next', async (_, code, end) => {
    const run = await openShell();
    await run(state);
    expect(await run(code)).toMatchObject({ outcome: 'completed', interpreter: 'kept', ...end });
    expect(await run(`${show}\nfalse\necho still`)).toMatchObject({ stdout: `${shown}still\n`, exitCode: 0 });
  });

  it('tells the status of its last command and the lines of its errors', async () => {
    const run = await openShell();
    expect(await run('true; (exit 5)')).toMatchObject({ exitCode: 5, error: null });
    const cell = await run('echo one\nnosuch\necho $LINENO');
    expect(cell).toMatchObject({ exitCode: 0, stdout: 'one\n3\n' });
    expect(cell.stderr).toMatch(/cell-2: line 2: nosuch: command not found/);
  });

  it('begins with the status of the one before, and with streams of its own', async () => {
    const run = await openShell();
    await run('trap "echo ERR" ERR; (exit 5)');
    expect(await run('echo $?; true')).toMatchObject({ stdout: '5\n' });
    expect(await run('echo $?; trap - ERR')).toMatchObject({ stdout: '0\n' });
    expect(await run('exec > /tmp/log 2>&1 < /etc/hostname; echo hidden')).toMatchObject({ stdout: '', exitCode: 0 });
    expect(await run('cat /tmp/log; cat')).toMatchObject({ stdout: 'hidden\n' });
    await run('exec >&- 2>&-');
    expect(await run('set -x; echo seen')).toMatchObject({ stdout: 'seen\n', stderr: '++ echo seen\n' });
  });

  it('has its own debug trap, which sees nothing but the cell', async () => {
    const run = await openShell();
    expect(await run('trap "echo before" DEBUG; echo body')).toMatchObject({ stdout: 'before\nbody\n' });
    expect(await run('echo next')).toMatchObject({ stdout: 'next\n' });
  });

  it('has its own exit trap, run at its end', async () => {
    const run = await openShell();
    expect(await run('trap "echo cleaned" EXIT; echo body')).toMatchObject({ stdout: 'body\ncleaned\n' });
    expect(await run('trap "echo cleaned" EXIT; exit 2')).toMatchObject({ stdout: 'cleaned\n', exitCode: 2 });
    expect(await run('echo body; (trap "echo sub" EXIT)')).toMatchObject({ stdout: 'body\nsub\n' });
    expect(await run('trap "echo usr1" USR1; kill -USR1 $$; trap -p USR1')).toMatchObject({
      stdout: "usr1\ntrap -- 'echo usr1' SIGUSR1\n",
    });
  });

  // Each waits for its time limit: they do it at once.
  it.concurrent.for([
    ['waits for a program', 'sleep 60'],
    ['loops', 'while :; do n=$((n + 1)); done'],
    ['loops in functions', 'g() { while :; do sleep 0.01; done; }; while :; do g; done'],
  ] as const)('that %s is interrupted, and its variables stay', async ([, code], { onTestFinished }) => {
    const run = await openShell(onTestFinished);
    await run('x=5');
    expect(await run(`y=6; ${code}`, 2000)).toMatchObject({
      outcome: 'timed_out',
      interpreter: 'kept',
      error: { name: 'Interrupted' },
    });
    expect(await run('echo $x $y')).toMatchObject({ stdout: '5 6\n' });
  });

  it('finds no input, and no descriptors but its streams', async () => {
    const run = await openShell();
    expect(
      await run(
        'read -r line; echo $?; cat; for fd in /proc/$BASHPID/fd/*; do :; done; ls /proc/self/fd | tr "\\n" " "',
      ),
    ).toMatchObject({
      stdout: '1\n0 1 2 3 ',
    });
  });

  it.each([
    ['kills itself', 'kill -9 $$', { signal: 'SIGKILL' }],
    ['becomes another program', 'exec true', { exitCode: 0 }],
    ['kills its group', 'kill -9 0', { signal: 'SIGKILL' }],
  ])('that %s loses its shell, and says so', async (_, code, end) => {
    const run = await openShell();
    await run('x=5; echo kept > f');
    expect(await run(code)).toMatchObject({ outcome: 'completed', interpreter: 'lost', ...end });
    expect(await run('echo "<$x>"; cat f')).toMatchObject({ stdout: '<>\nkept\n', interpreter: 'kept' });
  });

  it('shares its workspace with the other languages of the session', async () => {
    const session = await openFor(engine);
    await session.run('echo from bash > shared.txt', { language: 'bash' });
    expect(await session.run('open("shared.txt").read()')).toMatchObject({ value: "'from bash\\n'" });
    expect(
      await session.run('require("fs").readFileSync("shared.txt", "utf8")', { language: 'javascript' }),
    ).toMatchObject({
      value: "'from bash\\n'",
    });
  });
});
