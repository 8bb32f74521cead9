import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

const scripts = fileURLToPath(new URL('.', import.meta.url));
let project: string;

const write = (file: string, text: string) => {
  mkdirSync(dirname(join(project, file)), { recursive: true });
  writeFileSync(join(project, file), text);
};

/** A project with these scripts, everything installed, and stand-ins for the programs that they start. */
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'launch-'));
  onTestFinished(() => rmSync(project, { recursive: true }));
  cpSync(scripts, join(project, 'scripts'), { recursive: true });
  write('package-lock.json', '{}');
  write('SECURITY.md', '| `host` | Nothing is visible | walls | test/a.test.ts |\n');
  const hash = createHash('sha256')
    .update(readFileSync(join(project, 'package-lock.json')))
    .digest('hex');
  write('node_modules/.dragoman-install.json', JSON.stringify({ hash, kind: 'full' }));
  mkdirSync(join(project, 'node_modules/.bin'));
  symlinkSync(process.execPath, join(project, 'node_modules/.bin/node'));
});

interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  output: string;
}

function run(script: string, args: string[] = [], onOutput?: (text: string, pid: number) => void): Promise<Ended> {
  const child = spawn(process.execPath, [join(project, 'scripts', script), ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    onOutput?.(text, child.pid!);
  });
  return new Promise((resolve) => child.on('close', (status, signal) => resolve({ status, signal, output })));
}

describe('start', () => {
  it('passes arguments on and ends with the status of the service', async () => {
    write('src/main.ts', 'console.log(process.argv.slice(2).join()); process.exitCode = 7 satisfies number;');
    expect(await run('start.mjs', ['--flag'])).toEqual({ status: 7, signal: null, output: 'serve,--flag\n' });
    expect(await run('dragoman.mjs', ['keys', 'list'])).toMatchObject({ status: 7, output: 'keys,list\n' });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('passes %s on and waits for an orderly end', async (signal) => {
    write(
      'src/main.ts',
      `setInterval(() => {}, 1000);
       process.on('${signal}', () => setTimeout(() => { console.log('ended'); process.exit(0); }, 100));
       console.log('ready');`,
    );
    const ended = await run('start.mjs', [], (text, pid) => text === 'ready\n' && process.kill(pid, signal));
    expect(ended).toEqual({ status: 0, signal: null, output: 'ready\nended\n' });
  });

  it('ends with the signal that ended the service', async () => {
    write('src/main.ts', "process.kill(process.pid, 'SIGKILL');");
    expect(await run('start.mjs')).toMatchObject({ status: null, signal: 'SIGKILL' });
  });
});

describe('test', () => {
  const report = {
    numPassedTests: 5,
    numFailedTests: 0,
    numPendingTests: 0,
    testResults: [] as object[],
  };

  const file = { name: 'a.test.ts', startTime: 0, endTime: 10 };

  function tools(result: object, status = 0): void {
    write('src/main.ts', "console.log('set up', process.argv[2]);");
    write('node_modules/typescript/bin/tsc', "console.log('typed');");
    write('node_modules/@biomejs/biome/bin/biome', "console.log('linted');");
    write('node_modules/knip/bin/knip.js', "console.log('used');");
    write(
      'node_modules/vitest/vitest.mjs',
      `import { writeFileSync } from 'node:fs';
       const file = process.argv.find((it) => it.startsWith('--outputFile.json=')).split('=')[1];
       writeFileSync(file, ${JSON.stringify(JSON.stringify(result))});
       console.log('tested', process.argv.at(-1));
       process.exitCode = ${status};`,
    );
  }
  const lastLine = (output: string) => output.trimEnd().split('\n').at(-1);

  it('runs the steps in order and prints the totals last', async () => {
    tools(report);
    const { status, output } = await run('test.mjs', ['test/security']);
    expect(status).toBe(0);
    expect(output.match(/^(set up|typed|linted|used|tested).*$/gm)).toEqual([
      'set up setup',
      'typed',
      'typed',
      'linted',
      'used',
      'tested test/security',
    ]);
    expect(lastLine(output)).toBe('5 passed, 0 failed');
  });

  it('counts failed and skipped tests, and broken files', async () => {
    tools(
      {
        ...report,
        numFailedTests: 1,
        numPendingTests: 2,
        testResults: [
          { ...file, status: 'failed', assertionResults: [{ status: 'failed' }] },
          { ...file, status: 'failed', assertionResults: [] },
        ],
      },
      1,
    );
    const { status, output } = await run('test.mjs');
    expect(status).toBe(1);
    expect(lastLine(output)).toBe('5 passed, 2 failed, 2 skipped');
  });

  it('prints the table of attacked claims before the totals', async () => {
    const attack = { status: 'passed', meta: { claim: 'host', programs: ['a.py'] } };
    tools({ ...report, testResults: [{ ...file, status: 'passed', assertionResults: [attack] }] });
    const { output } = await run('test.mjs');
    const lines = output.trimEnd().split('\n');
    expect(lines.slice(lines.indexOf('== claims') + 2)).toEqual([
      'held        1 of 1         1  host          Nothing is visible',
      '1 of 1 claims of SECURITY.md attacked and held',
      '',
      '5 passed, 0 failed',
    ]);
  });

  it('stops at the first step that fails', async () => {
    tools(report);
    write('node_modules/@biomejs/biome/bin/biome', 'process.exitCode = 3;');
    const { status, output } = await run('test.mjs');
    expect(status).toBe(3);
    expect(output).not.toContain('tested');
  });
});
