import { createHash } from 'node:crypto';
import { Sandbox } from '@e2b/code-interpreter';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** E2B's own clients, unchanged, against a real server. Both addresses are told, so that nothing is sent to their vendor. */
const keys = { ann: `e2b_${'a'.repeat(32)}`, bob: `e2b_${'b'.repeat(32)}` };
let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    env: { DRAGOMAN_API_KEYS: `ann:${keys.ann},bob:${keys.bob}` },
  });
});
afterAll(() => server?.stop());

const metrics = async () => ({ text: await (await fetch(`${server.url}/metrics`)).text() });
const connection = (apiKey = keys.ann) => ({ apiKey, apiUrl: server.url, sandboxUrl: server.url });

async function sandbox(options: object = {}) {
  const made = await Sandbox.create({ ...connection(), timeoutMs: 120_000, ...options });
  onTestFinished(async () => void (await made.kill()));
  return made;
}

describe('the code interpreter of E2B', () => {
  it('runs code that keeps its variables, with its output as it comes', async () => {
    const made = await sandbox({ envs: { OWN: 'o' } });
    const lines: string[] = [];
    const code = 'import os, sys\nx = 41\nprint(os.environ["OWN"], "é…😀")\nprint("e", file=sys.stderr)\nx + 1';
    const first = await made.runCode(code, { onStdout: ({ line }) => void lines.push(line) });
    expect(first.text).toBe('42');
    expect(first.logs).toEqual({ stdout: ['o é…😀\n'], stderr: ['e\n'] });
    expect([first.executionCount, first.error, lines]).toEqual([1, undefined, ['o é…😀\n']]);
    const next = await made.runCode('print(os.environ["MORE"], "OWN" in os.environ)\nx', { envs: { MORE: 'm' } });
    expect([next.text, next.logs.stdout]).toEqual(['41', ['m True\n']]);
    expect((await made.runCode('"MORE" in os.environ')).text).toBe('False');
    expect((await made.runCode('"a" + "b"')).text).toBe('ab');
  });

  it('tells an error apart from what was printed', async () => {
    const { error, logs } = await (await sandbox()).runCode('print("before")\n1 / 0');
    expect(error).toMatchObject({ name: 'ZeroDivisionError', value: 'division by zero' });
    expect(error!.traceback).toContain('1 / 0');
    expect(logs).toEqual({ stdout: ['before\n'], stderr: [] });
  });

  it('shows figures with their data, and tables', async () => {
    const made = await sandbox();
    const plot =
      'import matplotlib.pyplot as plt\nplt.plot([1, 2], [3, 4], label="l")\nplt.xlabel("t (s)")\nplt.title("T")\nplt.show()';
    const [figure] = (await made.runCode(plot)).results;
    expect(figure!.png).toMatch(/^iVBOR/);
    expect(figure!.chart).toMatchObject({
      ...{ type: 'line', title: 'T', x_label: 't (s)', x_unit: 's', y_label: null, x_scale: 'linear' },
      elements: [
        {
          label: 'l',
          points: [
            [1, 3],
            [2, 4],
          ],
        },
      ],
    });
    const [table] = (await made.runCode('import pandas as pd\npd.DataFrame({"a": [1, 2], "b": ["x", None]})')).results;
    expect(table!.data).toEqual({ a: [1, 2], b: ['x', null] });
    expect([table!.isMainResult, typeof table!.html]).toEqual([true, 'string']);
  });

  it('has contexts with variables and folders of their own, and other languages', async () => {
    const made = await sandbox();
    await made.runCode('x = 1');
    const context = await made.createCodeContext({ cwd: '/home/user/sub' });
    expect(context).toEqual({ id: expect.any(String), language: 'python', cwd: '/home/user/sub' });
    expect((await made.runCode('import os; ("x" in globals(), os.path.basename(os.getcwd()))', { context })).text).toBe(
      "(False, 'sub')",
    );
    await made.runCode('y = 2', { context });
    await made.restartCodeContext(context);
    expect((await made.runCode('"y" in globals()', { context })).text).toBe('False');
    expect((await made.listCodeContexts()).map(({ id }) => id)).toEqual(['javascript', 'python', context.id]);
    await made.removeCodeContext(context);
    await expect(made.runCode('1', { context })).rejects.toThrow(`Context ${context.id} not found`);
    expect((await made.runCode('const a: number = 20; a + 22', { language: 'ts' })).text).toBe('42');
    const bash = await made.runCode('echo "$SAID"', { language: 'bash', envs: { SAID: `it's "so"` } });
    expect(bash.logs.stdout).toEqual([`it's "so"\n`]);
    expect((await made.runCode('echo "[$SAID]"', { language: 'bash' })).logs.stdout).toEqual(['[]\n']);
    expect((await made.runCode('process.env.SAID', { language: 'js', envs: { SAID: 's' } })).text).toBe('s');
    expect((await made.runCode('process.env.SAID', { language: 'js' })).text).toBeUndefined();
  });

  it('interrupts code whose caller hangs up, and goes on with its variables', async () => {
    const made = await sandbox();
    await made.runCode('x = 1');
    const endless = 'import time\nwhile True: time.sleep(0.01)';
    await expect(made.runCode(endless, { timeoutMs: 1500 })).rejects.toThrow(/timeout/i);
    expect((await made.runCode('x')).text).toBe('1');
  });
});

describe('a sandbox of E2B', () => {
  it('tells what it uses at this moment', async () => {
    const made = await sandbox();
    expect(await made.getMetrics()).toMatchObject([{ memUsed: 0, diskUsed: 0, cpuUsedPct: 0 }]);
    await made.runCode('kept = bytearray(64 << 20)\nopen("a.bin", "wb").write(kept[:8 << 20])');
    const [metrics] = await made.getMetrics();
    expect(metrics!.memUsed).toBeGreaterThan(72 << 20);
    expect(metrics!.memUsed).toBeLessThan(metrics!.memTotal);
    expect(metrics!.diskUsed).toBeGreaterThanOrEqual(8 << 20);
    expect(metrics!.diskUsed).toBeLessThan(metrics!.diskTotal);
    const busy = await made.commands.run('while :; do :; done', { background: true, timeoutMs: 30_000 });
    await eventually(async () => expect((await made.getMetrics())[0]!.cpuUsedPct).toBeGreaterThan(1));
    await busy.kill();
    expect(await made.getMetrics({ end: new Date(Date.now() - 60_000) })).toEqual([]);
    const other = { ...connection(keys.bob) };
    await expect(Sandbox.getMetrics(made.sandboxId, other)).rejects.toThrow(/not found/i);
  });

  it('is found, described and prolonged, and ends when told', async () => {
    const made = await sandbox({ metadata: { user: 'a b=c&d' } });
    await made.setTimeout(600_000);
    const info = await Sandbox.getInfo(made.sandboxId, connection());
    expect(info).toMatchObject({ templateId: 'code-interpreter-v1', state: 'running', metadata: { user: 'a b=c&d' } });
    expect(info.endAt.getTime() - Date.now()).toBeGreaterThan(500_000);
    expect(info.allowInternetAccess).toBe(false);
    const query = { metadata: { user: 'a b=c&d' } };
    const list = Sandbox.list({ ...connection(), query });
    expect((await list.nextItems()).map(({ sandboxId }) => sandboxId)).toEqual([made.sandboxId]);
    expect(list.hasNext).toBe(false);
    await made.runCode('x = 1');
    const again = await Sandbox.connect(made.sandboxId, connection());
    expect((await again.runCode('x')).text).toBe('1');
    expect(await again.isRunning()).toBe(true);
    expect([await made.kill(), await made.kill()]).toEqual([true, false]);
    expect(await again.isRunning()).toBe(false);
    await expect(Sandbox.connect(made.sandboxId, connection())).rejects.toThrow(/not found/);
  });

  it('ends at its time, with the code and the commands that run in it', async () => {
    const made = await sandbox({ timeoutMs: 1500 });
    const command = await made.commands.run('sleep 100', { background: true, timeoutMs: 0 });
    const code = made.runCode('import time\nwhile True: time.sleep(0.01)');
    await expect(command.wait()).rejects.toThrow(/killed|not found/i);
    expect((await code).error?.name).toBe('KeyboardInterrupt');
    expect([await made.isRunning(), await made.kill()]).toEqual([false, false]);
    await eventually(async () => {
      const { text } = await metrics();
      expect(text).toMatch(/^dragoman_commands_running 0$/m);
    });
    expect(server.output()).not.toMatch(/"level":"error"/);
  });

  it('is paused with its variables, and resumed', async () => {
    const made = await sandbox();
    await made.runCode('x = 1');
    expect(await made.pause()).toBe(true);
    expect(await made.pause()).toBe(false);
    expect((await made.getInfo()).state).toBe('paused');
    expect(await made.isRunning()).toBe(false);
    const again = await Sandbox.connect(made.sandboxId, connection());
    expect((await again.runCode('x')).text).toBe('1');
  });

  it('is out of reach for another key', async () => {
    const made = await sandbox();
    await expect(Sandbox.connect(made.sandboxId, connection(keys.bob))).rejects.toThrow(/not found/);
    expect(await Sandbox.kill(made.sandboxId, connection(keys.bob))).toBe(false);
    expect(await Sandbox.list(connection(keys.bob)).nextItems()).toEqual([]);
    await expect(Sandbox.create({ ...connection('e2b_00'), timeoutMs: 1000 })).rejects.toThrow(/API key/);
  });

  it('is refused what it cannot be given', async () => {
    await expect(Sandbox.create('no-such-template', connection())).rejects.toThrow(
      "template 'no-such-template' not found",
    );
    const made = await sandbox();
    await expect(made.createSnapshot()).rejects.toThrow(/not supported/);
    expect(made.getHost(3000)).toBe(`3000-${made.sandboxId}.localhost:${new URL(server.url).port}`);
    const port = await fetch(server.url, { headers: { 'e2b-sandbox-id': made.sandboxId, 'e2b-sandbox-port': '3000' } });
    expect(port.status).toBe(502);
    expect(await port.json()).toMatchObject({ port: 3000, message: 'The sandbox is running but port is not open' });
  });
});

describe('commands of E2B', () => {
  it('run with their streams, their exit code and their environment', async () => {
    const made = await sandbox({ envs: { OWN: 'o' } });
    const lines: string[] = [];
    const done = await made.commands.run('echo "$OWN $MORE"; pwd; echo err >&2; cat', {
      envs: { MORE: 'm' },
      onStdout: (text) => void lines.push(text),
    });
    expect(done).toMatchObject({ exitCode: 0, stdout: 'o m\n/home/user\n', stderr: 'err\n' });
    expect(lines.join('')).toBe(done.stdout);
    await expect(made.commands.run('exit 3')).rejects.toMatchObject({ exitCode: 3 });
    await expect(made.commands.run('true', { cwd: '/nowhere' })).rejects.toThrow(/'\/nowhere' does not exist/);
    await expect(made.commands.run('true', { user: 'root' })).rejects.toThrow(/invalid username: 'root'/);
  });

  it('go on in the background, take input, and are found again', async () => {
    const made = await sandbox();
    const cat = await made.commands.run('cat; echo end', { background: true, stdin: true });
    await made.commands.sendStdin(cat.pid, 'typed\n');
    expect((await made.commands.list()).map(({ pid, cmd }) => [pid, cmd])).toEqual([[cat.pid, '/bin/bash']]);
    const again = await made.commands.connect(cat.pid);
    await made.commands.closeStdin(cat.pid);
    expect((await cat.wait()).stdout).toBe('typed\nend\n');
    expect((await again.wait()).exitCode).toBe(0);
    const endless = await made.commands.run('sleep 100', { background: true });
    expect(await made.commands.kill(endless.pid)).toBe(true);
    await expect(endless.wait()).rejects.toMatchObject({ exitCode: -1, error: 'signal: killed' });
    expect(await made.commands.kill(endless.pid)).toBe(false);
  });

  it('are ended by their time limit, and lose nothing of what they print', async () => {
    const made = await sandbox();
    await expect(made.commands.run('sleep 100', { timeoutMs: 1000 })).rejects.toThrow(/timeout|deadline/i);
    await eventually(async () => expect(await made.commands.list()).toEqual([]));
    const { stdout } = await made.commands.run('for i in $(seq 200000); do echo $i; done | tee /tmp/all | cat');
    const sum = await made.commands.run('sha256sum < /tmp/all');
    expect(createHash('sha256').update(stdout).digest('hex')).toBe(sum.stdout.split(' ')[0]);
  });

  it('have terminals', async () => {
    const made = await sandbox();
    let said = '';
    const decoder = new TextDecoder();
    const pty = await made.pty.create({
      cols: 70,
      rows: 20,
      onData: (data) => {
        said += decoder.decode(data);
      },
      timeoutMs: 0,
    });
    await made.pty.sendInput(pty.pid, new TextEncoder().encode('stty size; tty\n'));
    await eventually(() => expect(said).toMatch(/20 70\r\n\/dev\/pts\//));
    await made.pty.resize(pty.pid, { cols: 90, rows: 30 });
    await made.pty.sendInput(pty.pid, new TextEncoder().encode('stty size; exit 4\n'));
    await expect(pty.wait()).rejects.toMatchObject({ exitCode: 4 });
    expect(said).toContain('30 90\r\n');
  });
});

describe('files of E2B', () => {
  it('are written, read, listed, moved and removed, at any path', async () => {
    const made = await sandbox();
    expect(await made.files.write('deep/er/a.txt', 'é')).toMatchObject({ path: '/home/user/deep/er/a.txt' });
    expect(await made.files.read('/home/user/deep/er/a.txt')).toBe('é');
    const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => at % 251);
    await made.files.write('/tmp/b.bin', bytes.buffer);
    expect(await made.files.read('/tmp/b.bin', { format: 'bytes' })).toEqual(bytes);
    await made.files.write('empty', '');
    expect(await made.files.read('empty')).toBe('');
    const several = await made.files.write([
      { path: 'one.txt', data: '1' },
      { path: '/tmp/two.txt', data: '2' },
    ]);
    expect(several.map(({ path }) => path)).toEqual(['/home/user/one.txt', '/tmp/two.txt']);
    const listed = await made.files.list('/home/user', { depth: 3 });
    expect(listed.map(({ path, type }) => [path, type])).toEqual([
      ['/home/user/deep', 'dir'],
      ['/home/user/deep/er', 'dir'],
      ['/home/user/deep/er/a.txt', 'file'],
      ['/home/user/empty', 'file'],
      ['/home/user/one.txt', 'file'],
    ]);
    expect(await made.files.rename('one.txt', 'moved/1.txt')).toMatchObject({
      path: '/home/user/moved/1.txt',
      size: 1,
    });
    expect([await made.files.exists('one.txt'), await made.files.exists('moved')]).toEqual([false, true]);
    expect([await made.files.makeDir('new/dir'), await made.files.makeDir('new/dir')]).toEqual([true, false]);
    await expect(made.files.makeDir('empty')).rejects.toThrow(/something else is there/);
    await expect(made.files.list('empty')).rejects.toThrow();
    await expect(made.files.read('nope')).rejects.toThrow(/does not exist/);
    await made.files.remove('deep');
    await made.files.remove('never-there');
    expect(await made.files.exists('deep')).toBe(false);
    expect(await made.files.getInfo('moved/1.txt')).toMatchObject({
      permissions: '-rw-r--r--',
      owner: 'user',
      mode: 0o644,
    });
  });

  it('are those of code and commands as well', async () => {
    const made = await sandbox();
    await made.files.write('in.txt', 'in');
    expect(
      (await made.runCode('open("out.txt", "w").write(open("/home/user/in.txt").read() + "!")')).error,
    ).toBeUndefined();
    expect((await made.commands.run('cat out.txt /mnt/data/out.txt')).stdout).toBe('in!in!');
    expect(await made.files.read('out.txt')).toBe('in!');
  });

  it('are watched', async () => {
    const made = await sandbox();
    await made.files.makeDir('seen');
    const events: string[] = [];
    const watch = await made.files.watchDir('seen', ({ type, name }) => void events.push(`${type} ${name}`));
    await made.files.write('seen/a.txt', 'a');
    await made.commands.run('echo more >> seen/a.txt; rm seen/a.txt');
    await eventually(() => expect(events.at(-1)).toBe('remove a.txt'));
    expect(events).toContain('write a.txt');
    await watch.stop();
  });

  it('have signed addresses', async () => {
    const made = await sandbox();
    const upload = await made.uploadUrl('given.txt', { useSignatureExpiration: 60_000 });
    const form = new FormData();
    form.append('file', new Blob(['given']), 'given.txt');
    expect((await fetch(upload, { method: 'POST', body: form })).status).toBe(200);
    const download = await made.downloadUrl('given.txt');
    expect(await (await fetch(download)).text()).toBe('given');
    expect((await fetch(download.replace('given.txt', 'other.txt'))).status).toBe(401);
    expect((await fetch(download, { method: 'POST', body: form })).status).toBe(401);
  });
});
