import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Dragoman } from '../../client/src/index.ts';
import { type CliOptions, cli, folder, startCli } from '../support/cli.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let dragoman: Dragoman;
beforeAll(async () => {
  server = await startServer();
  dragoman = new Dragoman({ url: server.url, apiKey: server.key });
});
afterAll(() => server?.stop());

const withService = (options: CliOptions = {}): CliOptions => ({
  ...options,
  env: { DRAGOMAN_URL: server.url, DRAGOMAN_API_KEY: server.key, ...options.env },
});
const run = (args: string[], options?: CliOptions) => cli(args, withService(options));

/** A folder with a program in it. */
function program(name: string, code: string): string {
  const path = folder();
  writeFileSync(join(path, name), code);
  return path;
}

describe('dragoman run', () => {
  it('prints what the program prints and ends as it ended', async () => {
    const code = 'import sys\nprint("out", sys.argv[1:])\nprint("err", file=sys.stderr)\nsys.exit(7)';
    const cwd = program('a.py', code);
    expect(await run(['run', 'a.py', 'x', '--', '--y'], { cwd })).toEqual({
      code: 7,
      stdout: "out ['x', '--y']\n",
      stderr: 'err\n',
    });
  });

  it.each([
    ['raise ValueError("no")', [], 1],
    ['import os, signal; os.kill(os.getpid(), signal.SIGTERM)', [], 143],
    ['import time; time.sleep(30)', ['--timeout', '0.5'], 124],
  ])('ends for %j with %j as the shell would tell of it', async (code, options, exitCode) => {
    expect((await run(['run', '-', ...options], { stdin: code })).code).toBe(exitCode);
  });

  it('takes code from standard input, or hands a pipe to the program', async () => {
    expect((await run(['run', '-', '--lang', 'bash'], { stdin: 'echo $((6 * 7))' })).stdout).toBe('42\n');
    const cwd = program('reverse.py', 'print(input()[::-1])');
    expect((await run(['run', 'reverse.py'], { cwd, stdin: 'hello\n' })).stdout).toBe('olleh\n');
  });

  it('puts files next to the program and saves what it makes', async () => {
    const cwd = program('copy.py', 'import os\nos.makedirs("d")\nopen("d/copy", "w").write(open("in.txt").read() * 2)');
    writeFileSync(join(cwd, 'data.txt'), 'x');
    const { code, stderr } = await run(['run', 'copy.py', '--file', 'data.txt:in.txt', '--out', 'made'], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'Saved made/d/copy\n' });
    expect(readFileSync(join(cwd, 'made/d/copy'), 'utf8')).toBe('xx');
    const left = await dragoman.sessions.page({ name: 'dragoman run' });
    expect(left.data).toEqual([]);
  });

  it('keeps variables in a session, and shows the last value', async () => {
    const { id } = await dragoman.sessions.create();
    await run(['run', '-', '--session', id], { stdin: 'n = 6' });
    expect((await run(['run', '-', '--session', id], { stdin: 'n * 7' })).stdout).toBe('42\n');
  });

  it('prints the whole of it as JSON', async () => {
    const { code, stdout } = await run(['run', '-', '--json'], { stdin: 'print(1); raise SystemExit(3)' });
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'done', exit_code: 3, stdout: '1\n' });
  });

  it('cancels the program when it is interrupted', async () => {
    const { id } = await dragoman.sessions.create();
    const running = startCli(
      ['run', '-', '--session', id],
      withService({ stdin: 'import time\nprint("up", flush=True)\ntime.sleep(60)' }),
    );
    await expect.poll(running.stdout).toBe('up\n');
    running.child.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 130, stderr: '' });
    await expect.poll(async () => (await dragoman.sessions.open(id).info()).busy).toBe(false);
  });

  it('cancels the program when the reader of its output has gone', async () => {
    const { id } = await dragoman.sessions.create();
    const running = startCli(
      ['run', '-', '--session', id],
      withService({ stdin: 'import time\nwhile True:\n    print("y" * 1000, flush=True)\n    time.sleep(0.01)' }),
    );
    await once(running.child.stdout!, 'data');
    running.child.stdout!.destroy();
    expect(await running.ended).toMatchObject({ code: 141, stderr: '' });
    await expect.poll(async () => (await dragoman.sessions.open(id).info()).busy).toBe(false);
  });

  it('says what to do about a language, a file or a key that is wrong', async () => {
    const cwd = program('x.klingon', '');
    expect(await run(['run', 'x.klingon'], { cwd })).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('Unsupported language: klingon (this image has '),
    });
    expect((await run(['run', 'a.ipynb'])).stderr).toBe(
      'dragoman: a.ipynb is a notebook: dragoman notebook run a.ipynb\n',
    );
    expect((await run(['run', 'none.py'])).stderr).toBe('dragoman: There is no file none.py.\n');
    expect((await run(['run', '-'], { stdin: '1', env: { DRAGOMAN_API_KEY: 'wrong' } })).stderr).toMatch(
      /^dragoman: Invalid API key\nThe key comes from DRAGOMAN_API_KEY/,
    );
  });
});

describe('dragoman sessions and files', () => {
  it('begin, list, copy and end sessions', async () => {
    const id = (await run(['sessions', 'new', '--name', 'by hand'])).stdout.trim();
    const listed = await run(['sessions', '--name', 'by hand']);
    expect(listed.stdout.split('\n')[1]).toMatch(new RegExp(`^${id}  dormant  .*  by hand$`));
    const copy = JSON.parse((await run(['sessions', 'fork', id, '--json'])).stdout);
    expect((await run(['sessions', 'show', copy.id])).stdout).toContain(copy.id);
    expect((await run(['sessions', 'interrupt', id])).stderr).toBe('Nothing runs in it.\n');
    expect((await run(['sessions', 'rm', id, copy.id])).code).toBe(0);
    expect(JSON.parse((await run(['sessions', '--name', 'by hand', '--json'])).stdout)).toEqual([]);
    expect(await run(['sessions', 'show', id])).toMatchObject({
      code: 125,
      stderr: 'dragoman: Session not found\n"dragoman sessions" lists what is there.\n',
    });
  });

  it('store, list, fetch and remove files', async () => {
    const cwd = program('a b.txt', 'content');
    const { id } = await dragoman.sessions.create();
    expect(await run(['files', 'put', id, 'a b.txt', 'a b.txt:in/ä.txt'], { cwd })).toMatchObject({
      code: 0,
      stderr: 'Stored a b.txt\nStored in/ä.txt\n',
    });
    expect((await run(['files', 'ls', id])).stdout).toMatch(/^BYTES .*\n7 .* {2}a b\.txt\n7 .* {2}in\/ä\.txt\n$/);
    expect((await run(['files', 'get', id, 'in/ä.txt', '--out', '-'])).stdout).toBe('content');
    await run(['files', 'get', id, '--out', 'all'], { cwd });
    expect(readFileSync(join(cwd, 'all/in/ä.txt'), 'utf8')).toBe('content');
    await run(['files', 'get', id, 'in/ä.txt'], { cwd });
    expect(readFileSync(join(cwd, 'ä.txt'), 'utf8')).toBe('content');
    writeFileSync(join(cwd, 't.csv'), 'region,sum\nNorth,1\nSouth,\u001b]0;title\u0007\n');
    await run(['files', 'put', id, 't.csv'], { cwd });
    const table = (await run(['files', 'preview', id, 't.csv'])).stdout;
    expect(table).toMatch(/^2 rows, 2 columns\nregion\tsum\nNorth\t1\nSouth\t/);
    expect(table).not.toContain('\u001b');
    expect((await run(['files', 'preview', id, 't.csv', '--row', '2'])).stdout).not.toContain('North');
    expect(JSON.parse((await run(['files', 'preview', id, 't.csv', '--json'])).stdout)).toMatchObject({
      kind: 'table',
    });
    await run(['files', 'preview', id, 't.csv', '--form', 'png', '--out', 'pictures'], { cwd });
    expect(readFileSync(join(cwd, 'pictures/t.csv.png')).toString('latin1', 1, 4)).toBe('PNG');
    await run(['files', 'rm', id, 't.csv']);
    await run(['files', 'rm', id, 'a b.txt']);
    expect(JSON.parse((await run(['files', 'ls', id, '--json'])).stdout)).toMatchObject([{ path: 'in/ä.txt' }]);
    expect((await run(['files', 'put', id, 'a b.txt:../x'], { cwd })).stderr).toContain('is no path in a session');
  });
});

describe('which service', () => {
  it('is in a profile that only its owner may open', async () => {
    const config = folder();
    const env = { XDG_CONFIG_HOME: config };
    const file = join(config, 'dragoman/profiles.toml');
    await cli(['profile', 'add', 'here', '--url', server.url], { env, stdin: `${server.key}\n` });
    await cli(['profile', 'add', 'gone', '--url', 'http://127.0.0.1:9'], { env, stdin: '' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const listed = await cli(['profile', 'list'], { env });
    expect(listed.stdout).toBe(`*  here  ${server.url}\n   gone  http://127.0.0.1:9\n`);
    expect((await cli(['sessions', '--json'], { env })).code).toBe(0);
    expect((await cli(['sessions', '--json', '--profile', 'gone'], { env })).code).toBe(125);
    expect((await cli(['sessions'], { env: { ...env, DRAGOMAN_PROFILE: 'none' } })).stderr).toBe(
      'dragoman: There is no profile none. There are here, gone; "dragoman profile add" makes one.\n',
    );
    chmodSync(file, 0o640);
    expect(await cli(['sessions'], { env })).toMatchObject({
      code: 125,
      stderr: `dragoman: ${file} holds keys and other users may open it. Run: chmod 600 ${file}\n`,
    });
  });

  it('is on this machine when nothing is said, with the key from the data directory', async () => {
    const { stderr, code } = await cli(['sessions', '--url', server.url, '--json'], {
      env: { DRAGOMAN_DATA_DIR: server.dataDir },
    });
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  });

  it('gets no key that belongs to another one', async () => {
    const config = folder();
    const env = { XDG_CONFIG_HOME: config, DRAGOMAN_DATA_DIR: folder() };
    await cli(['profile', 'add', 'here', '--url', server.url], { env, stdin: `${server.key}\n` });
    const other = await cli(['sessions', '--url', server.url], { env });
    expect(other.stderr).toContain('There is no key: set DRAGOMAN_API_KEY');
  });

  it('is told how to be started when it does not run', async () => {
    const { stderr, code } = await cli(['run', '-'], { stdin: '1', env: { DRAGOMAN_URL: 'http://127.0.0.1:9' } });
    expect(code).toBe(125);
    expect(stderr).toContain('http://127.0.0.1:9 cannot be reached');
    expect(stderr).toContain('The address comes from DRAGOMAN_URL.');
  });
});

describe('help', () => {
  it.each([
    ['run'],
    ['sessions'],
    ['sessions', 'rm'],
    ['files'],
    ['files', 'get'],
    ['profile', 'add'],
    ['serve'],
    ['keys'],
  ])('is there for %s %s', async (...words) => {
    const { stdout, code } = await cli([...words, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: dragoman ${words.join(' ')}`);
  });

  it('names the command that was meant', async () => {
    expect(await cli(['rnu'])).toMatchObject({ code: 125, stderr: expect.stringContaining('Did you mean run?') });
  });
});

describe('a fault that is not of the program', () => {
  it.each([
    ['a file that is missing', ['run', 'none.py']],
    ['an option that is none', ['run', '--nope', 'a.py']],
    ['a value that is none', ['run', '--timeout', 'soon', 'a.py']],
    ['an argument that is missing', ['run']],
    ['a command below another', ['sessions', 'nope', 'nope']],
    ['an id that is none', ['sessions', 'show', '..']],
    ['an empty id', ['repl', '--session', '']],
    ['a session that is not there', ['repl', '--session', 'nope']],
    ['a folder that cannot be made', ['run', '-', '--out', '/proc/nope']],
    ['such a folder for an answer', ['ask', 'x', '--out', '/proc/nope']],
    ['an address that leads elsewhere', ['profile', 'add', 'x', '--url', 'http://x/../']],
  ])('%s ends with 125 and a sentence', async (_, args) => {
    const { code, stderr } = await run(args, { stdin: '' });
    expect({ code, stderr }).toMatchObject({ code: 125, stderr: expect.stringMatching(/^(dragoman|error): .+/) });
    expect(stderr).not.toMatch(/^ {4}at /m);
  });

  it('leaves 1 to programs', async () => {
    expect((await run(['run', '-'], { stdin: 'raise SystemExit(1)' })).code).toBe(1);
    expect((await cli(['--help'])).stdout).toContain('Exit code 125');
  });
});

it('a file with a name that no file may have is told and does not keep the others from being saved', async () => {
  const stdin = 'open("fine", "w").close(); open("a\\x1b[2J", "w").close()';
  const cwd = folder();
  const { stderr } = await run(['run', '-', '--out', 'out'], { cwd, stdin });
  expect(stderr).toContain('Saved out/fine\n');
  expect(stderr).toMatch(/files whose names have characters that no file may have/);
});

it('a folder for output that is not there is made', async () => {
  const cwd = folder();
  await run(['run', '-', '--out', 'a/b'], { cwd, stdin: 'open("x", "w").close()' });
  expect(existsSync(join(cwd, 'a/b/x'))).toBe(true);
});
