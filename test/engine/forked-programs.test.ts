import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { descendants } from '../support/processes.ts';

const isNode = (command: string) => command.startsWith('node\0') && command.includes('javascript/zygote.cjs');
const isFork = `require('fs').readFileSync('/proc/self/cmdline', 'utf8').includes('zygote.cjs')`;

/** An engine whose next programs of JavaScript are forks. */
async function startForking(options: Parameters<typeof startEngine>[0] = {}): Promise<TestEngine> {
  const started = await startEngine(options);
  // Those that were begun before the zygote was loaded may still wait.
  let forks = 0;
  const next = async () => {
    const { stdout } = await started.run('javascript', `console.log(${isFork})`);
    forks = stdout === 'true\n' ? forks + 1 : 0;
    return forks === 4;
  };
  await vi.waitUntil(next, { timeout: 60_000, interval: 100 });
  return started;
}

describe('a program in a fork of node', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startForking();
  });
  afterAll(() => engine.close());
  const print = async (code: string, more: object = {}) => {
    const { stdout, stderr, outcome } = await engine.run('javascript', code, more);
    expect({ stderr, outcome }).toEqual({ stderr: '', outcome: 'completed' });
    return stdout;
  };

  it('is the process that it says it is, in the folder that it says', async () => {
    const code = `console.log(process.pid === +require('fs').readlinkSync('/proc/self'), process.ppid, process.cwd(), process.uptime() < 60,
      process.argv.slice(1).join(), process.execArgv.join(' '), require.main === module, Object.keys(require.cache).join())`;
    expect(await print(code, { args: ['a'] })).toBe(
      'true 1 /mnt/data true /mnt/data/index.js,a --experimental-transform-types --enable-source-maps --disable-warning=ExperimentalWarning true /mnt/data/index.js\n',
    );
  });

  it('has the threads that node has: of the pool, of V8, of its own', async () => {
    const code = `
      const { Worker, isMainThread, parentPort } = require('node:worker_threads');
      const { promisify } = require('node:util');
      (async () => {
        const digest = await promisify(require('node:crypto').pbkdf2)('a', 'b', 1000, 8, 'sha256');
        const read = await require('node:fs/promises').readFile('/etc/hostname', 'utf8');
        const zipped = await promisify(require('node:zlib').gzip)('text');
        const worker = new Worker('require("node:worker_threads").parentPort.postMessage(6 * 7)', { eval: true });
        const answer = await new Promise((done) => worker.once('message', done));
        const compiled = await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
        let sum = 0;
        for (let each = 0; each < 3e7; each++) sum = (sum * 31 + each) | 0;
        const kept = [];
        for (let each = 0; each < 200; each++) kept.push(new Array(10_000).fill(each));
        console.log(digest.length, read.length > 0, zipped.length > 0, answer, compiled instanceof WebAssembly.Module, sum, kept.length);
      })();`;
    expect(await print(code)).toBe('8 true true 42 true -1308532288 200\n');
  });

  it('starts others, serves and asks itself, and hears signals', async () => {
    const code = `
      const { execFileSync, fork, spawn } = require('node:child_process');
      const http = require('node:http');
      (async () => {
        console.log(execFileSync('node', ['-p', '6 * 7']).toString().trim(), execFileSync('bash', ['-c', 'echo $$ | wc -l']).toString().trim());
        const server = http.createServer((_, answer) => answer.end('served')).listen(0, '127.0.0.1');
        await new Promise((done) => server.once('listening', done));
        console.log(await (await fetch('http://127.0.0.1:' + server.address().port)).text());
        server.close();
        require('node:fs').writeFileSync('/tmp/other.js', 'process.send(process.execArgv.length + process.pid)');
        const other = fork('/tmp/other.js');
        console.log((await new Promise((done) => other.once('message', done))) > 3);
        const child = spawn('cat');
        child.stdin.end('through a pipe');
        for await (const chunk of child.stdout) console.log(String(chunk));
        process.once('SIGUSR2', () => console.log('heard'));
        process.kill(process.pid, 'SIGUSR2');
        await new Promise((done) => setTimeout(done, 20));
      })();`;
    expect(await print(code)).toBe('42 1\nserved\ntrue\nthrough a pipe\nheard\n');
  });

  it('reads what is given to it and writes as much as it likes', async () => {
    const code = `let all = ''; process.stdin.on('data', (chunk) => (all += chunk)).on('end', () => console.log(all.toUpperCase()));`;
    expect(await print(code, { stdin: 'a line\n' })).toBe('A LINE\n\n');
    const much = await engine.run('javascript', `process.stdout.write('x'.repeat(200_000)); process.exit(3)`, {
      limits: { outputBytes: 400_000 },
    });
    expect([much.exitCode, much.stdout.length]).toEqual([3, 200_000]);
  });

  it('ends as node ends', async () => {
    const ends = async (code: string) => {
      const { exitCode, signal, stderr } = await engine.run('javascript', code);
      return { exitCode, signal, stderr };
    };
    expect(await ends('process.exitCode = 5')).toMatchObject({ exitCode: 5 });
    expect(await ends(`process.on('exit', () => { process.exitCode = 6 })`)).toMatchObject({ exitCode: 6 });
    expect(await ends('process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 5000)')).toMatchObject({
      signal: 'SIGTERM',
    });
    // Node is taken apart where something may depend on it, and else not.
    for (const [code, end] of [
      [`process.once('exit', () => console.error('late'))`, { exitCode: 0, stderr: 'late\n' }],
      [`process.once('beforeExit', () => process.once('exit', () => console.error('later')))`, { stderr: 'later\n' }],
      [
        `const { emit } = process; process.emit = (...all) => [emit.apply(process, all), console.error(all[0])][0]`,
        { stderr: expect.stringMatching(/beforeExit\n.*exit\n$/s) },
      ],
      [
        `new (require('node:sqlite').DatabaseSync)('/tmp/a').exec('PRAGMA journal_mode = wal; CREATE TABLE t (a)')`,
        { exitCode: 0 },
      ],
      [`process.emit('exit', 0); console.error('still here')`, { exitCode: 0, stderr: 'still here\n' }],
      [`await new Promise(() => {})`, { exitCode: 13 }],
      [`process.once('beforeExit', () => setTimeout(() => { throw new Error('at last') }))`, { exitCode: 1 }],
    ] as const)
      expect(await ends(code)).toMatchObject(end);
    expect(await ends('process.abort()')).toMatchObject({ signal: 'SIGABRT' });
    const { exitCode, stderr } = await ends('function f() {\n  throw new Error("thrown");\n}\nf();');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('/mnt/data/index.js:2');
    expect(stderr).toContain('at f (/mnt/data/index.js:2:9)');
    expect(stderr).not.toMatch(/zygote|begin\.cjs/);
  });

  it('is a module where its syntax says so, and typed where its language does', async () => {
    expect(await print('import { sep } from "node:path"; console.log(await Promise.resolve(sep))')).toBe('/\n');
    const typed = await engine.run(
      'typescript',
      `enum E { A = 41 }\nconst add = (one: number): number => one + 1;\nconsole.log(add(E.A), ${isFork});`,
    );
    expect(typed.stdout).toBe('42 true\n');
  });

  it('has no random number of another', async () => {
    const code = `const crypto = require('node:crypto');
      const { Worker } = require('node:worker_threads');
      console.log(Math.random());
      console.log(crypto.randomUUID());
      console.log(crypto.randomBytes(8).toString('hex'));
      console.log(crypto.randomInt(2 ** 47));
      console.log(crypto.getRandomValues(new Uint32Array(2)).join('-'));
      console.log(crypto.generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x);
      new Worker('require("node:worker_threads").parentPort.postMessage(Math.random() + require("node:crypto").randomUUID())', { eval: true })
        .on('message', console.log);`;
    const runs = await Promise.all(Array.from({ length: 6 }, () => print(code)));
    const numbers = runs.flatMap((run) => run.trim().split('\n'));
    expect(numbers).toHaveLength(42);
    expect(new Set(numbers).size).toBe(42);
  });
});

describe('the zygote of node', () => {
  it('is loaded again once it has died, and what ran in its forks meanwhile is over', { timeout: 60_000 }, async () => {
    const engine = await startForking();
    try {
      // What has not been heard of is run again.
      const { promise: isHeard, resolve: onEvent } = Promise.withResolvers<unknown>();
      const runs = engine.run('javascript', 'console.log(1); setTimeout(() => {}, 20_000)', { onEvent });
      await isHeard;
      const [zygote] = descendants(process.pid).filter(({ pid }) =>
        isNode(readFileSync(`/proc/${pid}/cmdline`, 'latin1')),
      );
      process.kill(zygote!.pid, 'SIGKILL');
      expect(await runs).toMatchObject({ outcome: 'killed' });
      await vi.waitUntil(async () => (await engine.run('javascript', `console.log(${isFork})`)).stdout === 'true\n', {
        timeout: 30_000,
        interval: 300,
      });
    } finally {
      await engine.close();
    }
  });

  it('that cannot be loaded is done without', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'runtimes-'));
    cpSync(fileURLToPath(new URL('../../runtimes', import.meta.url)), folder, { recursive: true });
    writeFileSync(join(folder, 'javascript', 'zygote.cjs'), 'throw new Error("not here")');
    const engine = await startEngine({ runtimesDir: folder });
    try {
      for (let each = 0; each < 3; each++)
        expect((await engine.run('javascript', `console.log(${isFork})`)).stdout).toBe('false\n');
      const isTold = (words: string) => engine.logged.some((line) => line.includes(words));
      await vi.waitUntil(() => isTold('not here') && isTold('a program is not forked'), { timeout: 10_000 });
      expect((await engine.run('typescript', 'console.log(6 * 7 as number)')).stdout).toBe('42\n');
    } finally {
      await engine.close();
      rmSync(folder, { recursive: true });
    }
  });
});
