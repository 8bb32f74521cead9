import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Dragoman, type Session } from '../../client/src/index.ts';
import { type CliOptions, cli, startCli } from '../support/cli.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** `dragoman exec` in a process of its own, with a real server. */
let server: TestServer;
let session: Session;
beforeAll(async () => {
  server = await startServer();
  session = await new Dragoman({ url: server.url, apiKey: server.key }).sessions.create();
});
afterAll(() => server?.stop());

const withService = (options: CliOptions = {}): CliOptions => ({
  ...options,
  env: { DRAGOMAN_URL: server.url, DRAGOMAN_API_KEY: server.key, ...options.env },
});
const exec = (args: string[], options?: CliOptions) => cli(['exec', session.id, ...args], withService(options));

it('prints both streams and ends as the command ended', async () => {
  const line = 'echo "$1 $X in $PWD"; echo err >&2; echo x > made; exit 7';
  const args = ['--cwd', '/tmp', '--env', 'X=a=b', '--', 'bash', '-c', line, '-', '--out'];
  expect(await exec(args)).toEqual({ code: 7, stdout: '--out a=b in /tmp\n', stderr: 'err\n' });
});

it.each([
  [['--', 'bash', '-c', 'kill -TERM $$'], 143],
  [['--timeout', '0.5', '--', 'sleep', '60'], 124],
  [['--', 'true'], 0],
])('ends for %j as the shell would tell of it', async (args, code) => {
  expect((await exec(args)).code).toBe(code);
});

it('hands standard input on, larger than any buffer, and ends when the command reads no more', async () => {
  const stdin = '0123456789abcdef'.repeat(200_000);
  expect((await exec(['--', 'bash', '-c', 'sleep 1; wc -c'], { stdin })).stdout).toBe(`${stdin.length}\n`);
  expect(await exec(['--', 'head', '-c', '2'], { stdin })).toEqual({ code: 0, stdout: '01', stderr: '' });
  expect((await exec(['--no-stdin', '--', 'cat'], { stdin })).stdout).toBe('');
});

it('loses nothing of a command that says much at once', async () => {
  const { stdout } = await exec(['--', 'bash', '-c', 'head -c 6000000 /dev/zero | tr "\\0" x']);
  expect(stdout.length).toBe(6_000_000);
  expect(stdout).toMatch(/^x+$/);
});

it('leaves files that are the session’s', async () => {
  await exec(['--', 'cp', '/etc/hostname', 'copied']);
  expect((await session.files.list()).map(({ path }) => path)).toContain('copied');
});

it('sends SIGINT to the command, whose exit code counts', async () => {
  const line = 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.05; done';
  const running = startCli(['exec', session.id, '--', 'bash', '-c', line], withService());
  await expect.poll(running.stdout, { timeout: 20_000 }).toBe('ready\n');
  running.child.kill('SIGINT');
  expect(await running.ended).toEqual({ code: 9, stdout: 'ready\ncaught\n', stderr: '' });
});

it('kills a command that does not end for it, or when the reader of its output has gone', async () => {
  const deaf = ['exec', session.id, '--', 'bash', '-c', 'trap "" INT; echo ready; while :; do sleep 0.05; done'];
  const running = startCli(deaf, withService());
  await expect.poll(running.stdout, { timeout: 20_000 }).toBe('ready\n');
  running.child.kill('SIGINT');
  expect((await running.ended).code).toBe(137);
  const flood = startCli(['exec', session.id, '--', 'yes'], withService());
  await once(flood.child.stdout!, 'data');
  flood.child.stdout!.destroy();
  expect(await flood.ended).toMatchObject({ code: 141, stderr: '' });
  await expect
    .poll(async () => (await session.commands.list()).filter(({ state }) => state === 'running'), { timeout: 20_000 })
    .toEqual([]);
});

it('prints one document with --json, and says what is wrong', async () => {
  const { code, stdout } = await exec(['--json', '--', 'bash', '-c', 'echo a; echo b >&2; exit 3']);
  expect(code).toBe(3);
  expect(JSON.parse(stdout)).toMatchObject({ exit_code: 3, stdout: 'a\n', stderr: 'b\n', truncated: false });
  expect(await exec(['--', 'no-such-program'])).toMatchObject({
    code: 125,
    stderr: expect.stringContaining('no-such-program'),
  });
  expect(await exec(['--env', 'X', '--', 'true'])).toMatchObject({
    code: 125,
    stderr: 'dragoman: X is no variable: it looks like NAME=value.\n',
  });
});
