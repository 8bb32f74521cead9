import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Dragoman } from '../../client/src/index.ts';
import { cli, folder } from '../support/cli.ts';
import { startServer, type TestServer } from '../support/server.ts';

const script = fileURLToPath(new URL('../support/terminal.py', import.meta.url));
const launcher = fileURLToPath(new URL('../../scripts/dragoman.mjs', import.meta.url));
type Step = readonly ['expect' | 'type', string];
const prompt: Step = ['expect', '>>> '];

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

const env = () => ({ DRAGOMAN_URL: server.url, DRAGOMAN_API_KEY: server.key });

/** Plays a person at a terminal; returns what the terminal showed. @throws Error when something expected does not come */
async function atTerminal(args: readonly string[], home: string, steps: readonly Step[]): Promise<string> {
  const words = [script, JSON.stringify(steps), process.execPath, launcher, ...args];
  const environment = { PATH: process.env.PATH, HOME: home, ...env() };
  const ended = await promisify(execFile)('python3', words, { env: environment, cwd: home }).catch((error) => {
    throw new Error(`${error.message}\n${error.stderr}\n${error.stdout}`);
  });
  return ended.stdout;
}

describe('dragoman repl at a terminal', () => {
  it('keeps variables, takes blocks and pastes, and remembers what was typed', async () => {
    const home = folder();
    await atTerminal(['repl'], home, [
      prompt,
      ['type', 'n = 20\r'],
      prompt,
      ['type', 'for i in range(2):\r'],
      ['expect', '... '],
      ['type', '    n += 1\r'],
      ['expect', '... '],
      ['type', '\r'],
      prompt,
      // A paste with an empty line in the middle of a function is one piece.
      ['type', '\x1b[200~def twice():\r    m = n\r\r    return 2 * m\x1b[201~\r'],
      ['expect', '... '],
      ['type', '\r'],
      prompt,
      ['type', 'twice()\r'],
      ['expect', '44'],
      prompt,
      ['type', '\x04'],
      ['expect', '--session '],
    ]);
    const history = join(home, '.local/state/dragoman/history-python');
    expect(statSync(history).mode & 0o777).toBe(0o600);
    expect(readFileSync(history, 'utf8')).toContain('n = 20\n');
    await atTerminal(['repl'], home, [
      prompt,
      ['type', '\x1b[A'],
      ['expect', 'twice()'],
      ['type', '\x03'],
      prompt,
      ['type', '\x04'],
    ]);
  });

  it('completes names with Tab, as the kernel knows them', async () => {
    await atTerminal(['repl'], folder(), [
      prompt,
      ['type', 'numbers = [1]\r'],
      prompt,
      ['type', 'numb\t'],
      ['expect', 'numbers'],
      ['type', '.appe\t'],
      ['expect', 'append'],
      ['type', '(2); len(numbers)\r'],
      ['expect', '\r\n2\r\n'],
      prompt,
      ['type', '\x04'],
    ]);
  });

  it('interrupts what runs with Ctrl-C and keeps the variables', async () => {
    const steps: Step[] = [
      prompt,
      ['type', 'n = 41\r'],
      prompt,
      ['type', 'print("up", flush=True); exec("while True: pass")\r'],
      ['expect', '\r\nup\r\n'],
      ['type', '\x03'],
      ['expect', 'KeyboardInterrupt'],
      prompt,
      ['type', 'n + 1\r'],
      ['expect', '42'],
      prompt,
      ['type', ':quit\r'],
    ];
    await atTerminal(['repl'], folder(), steps);
  });

  it('saves what code makes, and the session as a notebook', async () => {
    const home = folder();
    await atTerminal(['repl', 'py', '--out', 'made'], home, [
      prompt,
      ['type', 'open("a.txt", "w").write("a")\r'],
      ['expect', 'Saved made/a.txt'],
      prompt,
      ['type', ':files\r'],
      ['expect', 'a.txt'],
      prompt,
      ['type', ':notebook n.ipynb\r'],
      ['expect', 'Saved n.ipynb'],
      prompt,
      ['type', '\x04'],
    ]);
    expect(existsSync(join(home, 'made/a.txt'))).toBe(true);
    expect(JSON.parse(readFileSync(join(home, 'n.ipynb'), 'utf8'))).toMatchObject({ nbformat: 4 });
  });

  it('lets no output control the terminal', async () => {
    const shown = await atTerminal(['repl'], folder(), [
      prompt,
      ['type', 'print("\\x1b]0;title\\x07\\x1b[31mred\\x1b[0m", end="!\\n")\r'],
      ['expect', 'red\x1b[0m!'],
      prompt,
      ['type', '\x04'],
    ]);
    expect(shown).toContain('\x1b[31mred');
    expect(shown).not.toContain('\x1b]0;');
  });
});

describe('dragoman repl behind a pipe', () => {
  it('runs line by line and ends with the last failure', async () => {
    const stdin = 'n = 6\nfor i in range(2):\n    print(i)\n\nn * 7\n1 / 0';
    const { code, stdout, stderr } = await cli(['repl'], { env: env(), stdin });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '0\n1\n42\n' });
    expect(stderr).toContain('ZeroDivisionError');
  });

  it('goes on in a session, in another language', async () => {
    const session = await new Dragoman({ url: server.url, apiKey: server.key }).sessions.create();
    await session.files.put('a.txt', 'from before');
    const { stdout } = await cli(['repl', 'sh', '--session', session.id], {
      env: env(),
      stdin: 'x=$(cat a.txt)\necho "$x"\n',
    });
    expect(stdout).toBe('from before\n');
    const unknown = await cli(['repl', 'klingon'], { env: env(), stdin: '' });
    expect(unknown).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('There is no language klingon. There are '),
    });
  });
});
