import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CliOptions, cli, folder } from '../support/cli.ts';
import { type OpenAiService, startOpenAi } from '../support/openai.ts';

let service: OpenAiService;
beforeAll(async () => {
  service = await startOpenAi();
});
afterAll(() => service?.stop());
afterEach(() => service.upstream.reset());

const run = (args: string[], options: CliOptions = {}) =>
  cli(args, { ...options, env: { DRAGOMAN_URL: service.server.url, DRAGOMAN_API_KEY: service.server.key } });

describe('dragoman ask', () => {
  const code =
    'n = len(open("/mnt/data/in.csv").read())\nprint("counted", n)\nopen("/mnt/data/n.txt", "w").write(str(n))';

  it('shows the answer, the code and its output, and saves what the code made', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'in.csv'), '12345');
    service.upstream.say([{ python: code }], [{ text: 'There are ' }, { text: 'five.' }]);
    const {
      code: exit,
      stdout,
      stderr,
    } = await run(['ask', 'how', 'many?', '--file', 'in.csv', '--out', 'made'], { cwd });
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'There are five.\n' });
    expect(stderr).toContain(code);
    expect(stderr).toContain('counted 5\n');
    expect(readFileSync(join(cwd, 'made/n.txt'), 'utf8')).toBe('5');
    expect(service.upstream.requests[0]!.body.messages.at(-1).content).toContain('how many?');
  });

  it('prints all of it as JSON', async () => {
    service.upstream.say([{ python: 'print(1)' }], [{ text: 'one' }]);
    const { stdout } = await run(['ask', 'x', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'completed',
      text: 'one',
      code: ['print(1)'],
      files: [],
      saved: [],
    });
  });
});

describe('dragoman notebook run', () => {
  const cell = (source: string | string[]) => ({
    cell_type: 'code',
    id: 'x',
    metadata: {},
    source,
    outputs: [],
    execution_count: null,
  });
  const notebook = (...cells: object[]) => ({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells });

  it('runs the cells and puts their outputs into the notebook', async () => {
    const cwd = folder();
    const figure = 'import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()';
    const cells = [
      { cell_type: 'markdown', id: 'm', metadata: {}, source: '# Title' },
      cell(['n = 6\n', 'print("said")']),
      cell('n * 7'),
      cell(figure),
    ];
    writeFileSync(join(cwd, 'a.ipynb'), JSON.stringify(notebook(...cells)));
    const { code, stdout, stderr } = await run(['notebook', 'run', 'a.ipynb', '--save', 'b.ipynb'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain('said\n42\n');
    expect(stderr).toContain('Ran 3 of 3 cells, 0 failed.');
    const saved = JSON.parse(readFileSync(join(cwd, 'b.ipynb'), 'utf8')).cells;
    expect(saved[0]).toEqual(cells[0]);
    expect(saved[1].outputs).toEqual([{ output_type: 'stream', name: 'stdout', text: 'said\n' }]);
    expect(saved[2]).toMatchObject({
      execution_count: 2,
      outputs: [{ output_type: 'execute_result', data: { 'text/plain': '42' } }],
    });
    expect(saved[3].outputs[0].data['image/png']).toMatch(/^iVBOR/);
  });

  it('stops at a cell that fails, unless it is told to go on', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'a.ipynb'), JSON.stringify(notebook(cell('1 / 0'), cell('print("after")'))));
    const stopped = await run(['notebook', 'run', 'a.ipynb', '--in-place'], { cwd });
    expect(stopped).toMatchObject({ code: 1, stdout: '' });
    const [failed, after] = JSON.parse(readFileSync(join(cwd, 'a.ipynb'), 'utf8')).cells;
    expect(failed.outputs).toMatchObject([{ output_type: 'error', ename: 'ZeroDivisionError' }]);
    expect(after.outputs).toEqual([]);
    const { code, stdout } = await run(['notebook', 'run', 'a.ipynb', '--allow-errors', '--json'], { cwd });
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, ran: 2, failed: 1 });
    writeFileSync(join(cwd, 'no.ipynb'), '{}');
    expect((await run(['notebook', 'run', 'no.ipynb'], { cwd })).stderr).toBe(
      'dragoman: no.ipynb is no Jupyter notebook of nbformat 4.\n',
    );
  });
});

it('dragoman bench prints figures of the service', async () => {
  const { stdout } = await run(['bench', '--runs', '3', '--clients', '2', '--json']);
  const { figures } = JSON.parse(stdout);
  expect(figures.map(({ name }: { name: string }) => name)).toContain('next cell of a session');
  for (const { p50_ms, p99_ms } of figures) expect(p99_ms).toBeGreaterThanOrEqual(p50_ms);
});

describe('dragoman completion', () => {
  it('offers commands and options in bash', async () => {
    const file = join(folder(), 'completion');
    const { stdout } = await cli(['completion', 'bash']);
    writeFileSync(file, stdout);
    const complete = (...words: string[]) => {
      const line = words.map((word) => `'${word}'`).join(' ');
      const text = `source ${file}; COMP_WORDS=(dragoman ${line}); COMP_CWORD=${words.length}; _dragoman; echo "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-euc', text], { encoding: 'utf8' }).trim();
    };
    expect(complete('re')).toBe('repl');
    expect(complete('files', 'g')).toBe('get');
    expect(complete('files', 'get', '--o')).toBe('--out');
    expect(complete('run', 'a.py', '--la')).toBe('--lang');
    expect(complete('sessions', 'f')).toBe('fork');
    expect(complete('')).toContain('completion');
  });

  it('is there for zsh and fish', async () => {
    const zsh = await cli(['completion', 'zsh']);
    expect(zsh.stdout).toMatch(/^#compdef dragoman\n/);
    expect(zsh.stdout).toContain("'files get')");
    const fish = await cli(['completion', 'fish']);
    expect(fish.stdout).toContain(`complete -c dragoman -n '__dragoman_at "files"' -f -a get -d "fetch files`);
    expect((await cli(['completion', 'csh'])).stderr).toContain('Allowed choices are bash, zsh, fish');
  });
});
