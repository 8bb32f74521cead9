import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { CommandRequest } from '../../src/engine/index.ts';
import { startEngine, type TestEngine, testLimits } from '../support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

async function open() {
  const session = await engine.engine.openSession(testLimits, 'owner');
  onTestFinished(() => session.close());
  const start = async (argv: readonly string[], request: Partial<CommandRequest> = {}) => {
    const said = { stdout: '', stderr: '', terminal: '' };
    const command = await session.startCommand({
      argv,
      cwd: '.',
      env: {},
      terminal: null,
      hasInput: false,
      window: 1024 * 1024,
      onOutput: (stream, data) => {
        said[stream] += Buffer.from(data).toString('latin1');
      },
      ...request,
    });
    return { command, said };
  };
  const sh = (line: string, request: Partial<CommandRequest> = {}) => start(['/bin/bash', '-c', line], request);
  return { session, start, sh };
}

describe('a command', () => {
  it('has two streams, an environment, a directory and an exit code', async () => {
    const { sh } = await open();
    const { command, said } = await sh('echo $A; pwd; echo no >&2; exit 7', { cwd: '/tmp', env: { A: 'b' } });
    expect(await command.done).toMatchObject({ reason: 'exited', code: 7, signal: null });
    expect(said).toMatchObject({ stdout: 'b\n/tmp\n', stderr: 'no\n' });
    expect(command.pid).toBeGreaterThan(1);
  });

  it('reads its input until that is closed', async () => {
    const { start } = await open();
    const { command, said } = await start(['wc', '-c'], { hasInput: true });
    await command.write(Buffer.alloc(700_000, 97));
    await command.write(Buffer.from('more'));
    command.closeInput();
    expect(await command.done).toMatchObject({ code: 0 });
    expect(said.stdout.trim()).toBe('700004');
    await expect(command.write(Buffer.from('x'))).rejects.toMatchObject({ code: 'conflict' });
  });

  it('has a terminal with a size, echo and an end of input', async () => {
    const { sh } = await open();
    const { command, said } = await sh('tty; stty size; read line; stty size; echo "got $line"; cat', {
      terminal: { columns: 101, rows: 33 },
    });
    await expect.poll(() => said.terminal).toContain('33 101');
    command.resize({ columns: 70, rows: 20 });
    await command.write(Buffer.from('hello\r'));
    await expect.poll(() => said.terminal).toContain('got hello');
    command.closeInput();
    expect(await command.done).toMatchObject({ code: 0 });
    expect(said.terminal).toMatch(/^\/dev\/pts\/\d+\r\n33 101\r\nhello\r\n20 70\r\ngot hello\r\n/);
  });

  it('is refused for a program or a directory that is missing', async () => {
    const { start } = await open();
    await expect(start(['no-such-program'])).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(start(['true'], { cwd: '/nowhere' })).rejects.toThrow("cwd '/nowhere' does not exist");
  });

  it('gets signals with its whole group', async () => {
    const { sh } = await open();
    const { command, said } = await sh('sleep 100 & sleep 100 & echo up; wait');
    await expect.poll(() => said.stdout).toBe('up\n');
    command.signal('SIGTERM');
    expect(await command.done).toMatchObject({ reason: 'killed', code: null, signal: 'SIGTERM' });
    const { command: look, said: seen } = await sh('pgrep -c sleep');
    await look.done;
    expect(seen.stdout).toBe('0\n');
  });

  it('waits in the middle of its output until more is granted', async () => {
    const { sh } = await open();
    const { command, said } = await sh('head -c 300000 /dev/zero', { window: 100_000 });
    // Frames cost some bytes each, and a busy machine makes many small ones.
    await expect.poll(() => said.stdout.length).toBeGreaterThan(90_000);
    expect(said.stdout.length).toBeLessThan(100_001);
    command.more(1_000_000);
    expect(await command.done).toMatchObject({ code: 0 });
    expect(said.stdout.length).toBe(300_000);
  });

  it('runs between cells and while one runs, and its end freezes the sandbox again', async () => {
    const { session, sh } = await open();
    const { command, said } = await sh('for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done; echo made > made.txt');
    const cell = session.run(
      { language: 'python', code: 'import time; time.sleep(0.2); 6 * 7' },
      { limits: testLimits },
    );
    expect(await cell.done).toMatchObject({ outcome: 'completed', stdout: { text: '' } });
    await session.changes();
    await session.resume();
    expect(await command.done).toMatchObject({ code: 0 });
    expect(said.stdout).toBe('1\n2\n3\n4\n5\n6\n');
    const { touched } = await session.changes();
    expect(touched.map(({ path }) => path)).toEqual(['made.txt']);
  });

  it('is over with its first process, whatever holds its streams', async () => {
    const { sh } = await open();
    const { command, said } = await sh('(setsid sleep 100) & echo done');
    expect(await command.done).toMatchObject({ code: 0 });
    expect(said.stdout).toBe('done\n');
  });

  it('tells when memory ran out, and when the sandbox has gone', async () => {
    const { session, start } = await open();
    const { command } = await start(['python3', '-c', 'x = bytearray(10**9)\nwhile True: x += x']);
    expect(await command.done).toMatchObject({ reason: 'out_of_memory', signal: 'SIGKILL' });
    const { command: other } = await start(['sleep', '100']);
    await session.close();
    expect(await other.done).toMatchObject({ reason: 'sandbox_gone', code: null, signal: null });
  });
});

describe('files inside', () => {
  it('are written in one step, read, listed, moved and removed, anywhere', async () => {
    const { files } = (await open()).session;
    const bytes = Buffer.alloc(500_000, 'abc');
    const parts = async function* () {
      yield bytes;
      yield Buffer.from('end');
    };
    const entry = await files.write('/tmp/a/b.bin', parts(), null);
    expect(entry).toMatchObject({ path: '/tmp/a/b.bin', kind: 'file', size: 500_003, mode: 0o644, user: 'user' });
    const opened = await files.open('/tmp/a/b.bin');
    expect(opened.size).toBe(500_003);
    expect(
      Buffer.concat(await Array.fromAsync(opened.read(0, 500_003))).equals(Buffer.concat([bytes, Buffer.from('end')])),
    ).toBe(true);
    expect(Buffer.concat(await Array.fromAsync(opened.read(499_999, 500_001))).toString()).toBe('be');
    opened.close();
    expect(await files.makeDirectory('deep/er')).toMatchObject({ path: '/mnt/data/deep/er', kind: 'directory' });
    await expect(files.makeDirectory('deep/er')).rejects.toMatchObject({ code: 'conflict' });
    expect(await files.move('/tmp/a', '/mnt/data/deep/a')).toMatchObject({ path: '/mnt/data/deep/a' });
    const { entries, truncated } = await files.list('/mnt/data', 3);
    expect([entries.map(({ path }) => path), truncated]).toEqual([
      ['/mnt/data/deep', '/mnt/data/deep/a', '/mnt/data/deep/a/b.bin', '/mnt/data/deep/er'],
      false,
    ]);
    await files.remove('deep');
    await expect(files.stat('deep')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('are watched', async () => {
    const { session, sh } = await open();
    const gone = new AbortController();
    const changes = await session.files.watch('.', true, gone.signal);
    const { command } = await sh('mkdir d; echo 1 > d/f; sleep 0.5; mv d/f d/g; sleep 0.5; rm d/g; sleep 0.5');
    await command.done;
    const seen: string[] = [];
    for await (const { change, path } of changes) {
      seen.push(`${change} ${path}`);
      if (change === 'removed') gone.abort();
    }
    expect(seen[0]).toBe('created d');
    expect(seen).toContain('removed d/g');
  });
});
