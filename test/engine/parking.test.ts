import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { input } from '../support/input.ts';
import { isParked } from '../support/parked.ts';
import { descendants } from '../support/processes.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const counts = () => engine.engine.census().parked;
const programs = (name: string) =>
  descendants(process.pid).filter(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(`${name}\0`))
    .length;

it('no Node is loaded until a language needs it; then its first run is served, and forks wait for the next', async () => {
  await vi.waitUntil(() => isParked(engine.engine), { timeout: 60_000, interval: 100 });
  expect([counts()['node+node'], counts()['node+node-types'], programs('node')]).toEqual([0, 0, 0]);
  for (const [language, code] of [
    ['javascript', 'console.log(6 * 7)'],
    ['typescript', 'const answer: number = 6 * 7; console.log(answer)'],
  ] as const)
    expect(await engine.run(language, code)).toMatchObject({ outcome: 'completed', stdout: '42\n' });
  await vi.waitUntil(() => counts()['node+node']! > 0 && counts()['node+node-types']! > 0, { timeout: 60_000 });
});

describe('a shell that was begun ahead', () => {
  beforeEach(() => vi.waitUntil(() => counts()['bare+bash']! > 0, { timeout: 60_000 }));

  it('is what the program would be without: its number, descriptors, variables and time', async () => {
    const shell = programs('bash');
    await new Promise((resolve) => setTimeout(resolve, 2100));
    const code = `echo $SECONDS $$ $0 $# $- "$(ls)" ; ls /proc/$$/fd > /tmp/fds; tr '\\n' ' ' < /tmp/fds; compgen -v | grep -E 'REPLY|WAITS|BASH_ENV|SOURCE$'; trap -p; declare -F`;
    const { outcome, stdout } = await engine.run('bash', code);
    expect({ outcome, stdout }).toEqual({
      outcome: 'completed',
      stdout: '0 2 /mnt/data/script.sh 0 hB \n0 1 2 255 BASH_SOURCE\n',
    });
    expect(shell).toBeGreaterThan(0);
  });

  it('reads what is given to the program, and ends as the program ends', async () => {
    const { stdout, exitCode } = await engine.run('bash', 'read line; echo "got $line"; exit 7', { stdin: 'a line\n' });
    expect({ stdout, exitCode }).toEqual({ stdout: 'got a line\n', exitCode: 7 });
    expect(await engine.run('bash', 'kill -SEGV $$')).toMatchObject({ signal: 'SIGSEGV' });
  });

  it('makes way for a program with other words or variables, and for one that reads itself', async () => {
    const run = (code: string, more: object) => engine.run('bash', code, more);
    expect((await run('echo "$@"', { args: ['a b', 'c'] })).stdout).toBe('a b c\n');
    expect(
      (await run('echo $MINE; ps -e -o comm= > /tmp/all; grep -c bash /tmp/all', { env: { MINE: 'x' } })).stdout,
    ).toBe('x\n1\n');
    expect((await run('head -c 4 "$0"', {})).stdout).toBe('head');
    const inputs = [input('script.sh', 'echo other')];
    expect((await run('bash script.sh; basename "$0"', { inputs })).stdout).toBe('other\nscript_2.sh\n');
  });

  it('makes way for one with variables of any name, and as many as there may be', async () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, each) => [`V${each.toString(36)}`, '']));
    const code = 'echo "$_PROGRAM_WAITS $REPLY"; compgen -e | grep -c ^V';
    const { stdout, stderr } = await engine.run('bash', code, { env: { ...many, _PROGRAM_WAITS: '3', REPLY: 'mine' } });
    expect({ stdout, stderr }).toEqual({ stdout: '3 mine\n5000\n', stderr: '' });
  });
});
