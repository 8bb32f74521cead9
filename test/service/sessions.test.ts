import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredFile } from '../../src/core/index.ts';
import type { Execution, NumberedEvent } from '../../src/service/index.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { ann, bob, startSessions, type TestSessions } from '../support/sessions.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const value = ({ result }: Execution) => result.outputs.findLast(({ kind }) => kind === 'result')?.bundle['text/plain'];
const text = (content: string) => ({
  contentType: 'text/plain',
  content: (async function* () {
    yield Buffer.from(content);
  })(),
});
const names = (files: readonly StoredFile[]) => files.map(({ name }) => name);
const ref = ({ sessionId, id }: StoredFile) => ({ sessionId, fileId: id, scope: { kind: 'user' } }) as const;
const start = (options = {}) => startSessions(engine, options);
const minute = 60_000;

async function contentOf(service: TestSessions, sessionId: string, fileId: string): Promise<string> {
  const file = await service.fileService.find(ann, { sessionId, fileId, scope: { kind: 'user' } });
  return Buffer.concat(await Array.fromAsync(await service.fileService.content(file.digest))).toString();
}

describe('a session', () => {
  it('keeps variables and files from one execution to the next, and says what each changed', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, { name: 'work', metadata: { a: 'b' } });
    const first = await service.run(id, 'x = 41\nopen("a.txt", "w").write("one")');
    const second = await service.run(id, 'x + 1');
    expect([first.continuity, second.continuity, value(second)]).toEqual(['fresh', 'continued', '42']);
    expect(first.files).toMatchObject([{ change: 'created', file: { name: 'a.txt', sessionId: id } }]);
    expect(second.files).toEqual([]);
    const third = await service.run(id, 'open("a.txt", "w").write("two")\nopen("b/c.txt", "w") if 0 else None');
    expect(third.files).toMatchObject([{ change: 'modified', file: { name: 'a.txt' } }]);
    const [old, now] = [first.files[0]!, third.files[0]!].map((each) => ('file' in each ? each.file : undefined)!);
    expect(await contentOf(service, id, old!.id)).toBe('one');
    expect(await contentOf(service, id, now!.id)).toBe('two');
    const fourth = await service.run(id, 'import os; os.remove("a.txt")');
    expect(fourth.deleted).toEqual(['a.txt']);
    expect(await service.sessions.files(ann, id)).toEqual([]);
    expect(await contentOf(service, id, now!.id)).toBe('two');
    expect(await service.sessions.get(ann, id)).toMatchObject({ name: 'work', state: 'live', metadata: { a: 'b' } });
  });

  it('whose sandbox is gone gets its files back and says that variables are lost', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'x = 1\nimport os\nos.makedirs("dir")\nopen("dir/kept.txt", "w").write("here")');
    service.now += 21 * minute;
    await service.sweep();
    expect(await service.sessions.get(ann, id)).toMatchObject({ state: 'dormant' });
    const again = await service.run(id, '"x" in dir(), open("dir/kept.txt").read()');
    expect([again.continuity, value(again)]).toEqual(['restored', "(False, 'here')"]);
    expect(again.files).toEqual([]);
    expect(await service.run(id, '1')).toMatchObject({ continuity: 'continued' });
  });

  it('whose sandbox is gone keeps modes, hidden files and empty folders, and so does a fork', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    const bash = async (session: string, code: string) => {
      const { result } = await service.run(session, code, { language: 'bash' });
      return result.stdout.text;
    };
    await bash(
      id,
      'echo "int main(){return 7;}" > a.c; gcc -o app a.c; mkdir -p logs out/raw .config; echo 1 > .config/a; chmod 600 .config/a',
    );
    const look = './app; echo $?; find . -mindepth 1 | sort; stat -c %a app .config/a';
    const found = '7\n./.config\n./.config/a\n./a.c\n./app\n./logs\n./out\n./out/raw\n755\n600\n';
    const files = names(await service.sessions.files(ann, id));
    expect(files).toEqual(['.config/a', 'a.c', 'app']);
    const fork = await service.sessions.fork(ann, id, {});
    expect(await bash(fork.id, look)).toBe(found);
    service.now += 21 * minute;
    await service.sweep();
    expect(await service.sessions.get(ann, id)).toMatchObject({ state: 'dormant' });
    expect(await bash(id, look)).toBe(found);
    await bash(id, 'rm -r out; chmod -x app; mkdir new');
    service.now += 21 * minute;
    await service.sweep();
    expect(await bash(id, 'test -x app; echo $?; ls')).toBe('1\na.c\napp\nlogs\nnew\n');
    // A program runs in a sandbox of its own, with the folders as well, and what it makes of them is the session's.
    const program = { language: 'bash', args: ['x'] };
    expect((await service.run(id, 'ls -d */; rmdir logs; mkdir -p made/by', program)).result.stdout.text).toBe(
      'logs/\nnew/\n',
    );
    expect(await bash(id, 'find . -type d | sort')).toBe('.\n./.config\n./made\n./made/by\n./new\n');
  });

  it('outlives the server', async () => {
    const first = await start();
    const { id } = await first.sessions.create(ann, { name: 'n' });
    await first.run(id, 'x = 1\nopen("f", "w").write("kept")');
    await first.close();
    const second = await start({ records: first.records, directory: first.directory });
    const again = await second.run(id, 'open("f").read()');
    expect([again.continuity, value(again)]).toEqual(['restored', "'kept'"]);
    const history = await second.sessions.history(ann, id);
    expect(history.map(({ code }) => code)).toEqual(['x = 1\nopen("f", "w").write("kept")', 'open("f").read()']);
    const [{ execution }] = history as [(typeof history)[0]];
    const found = await second.executions.find(ann, execution.id);
    expect(await found.done).toMatchObject({ id: execution.id, sessionId: id, result: { outcome: 'completed' } });
  });

  it('expires with its files when it is not used, and can still be read of', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, { lifeMs: 20 * minute });
    await service.run(id, 'open("f", "w").write("x")');
    service.now += 19 * minute;
    await service.sessions.touch(ann, id);
    service.now += 19 * minute;
    expect(await service.run(id, '1')).toMatchObject({ continuity: 'continued' });
    service.now += 20 * minute;
    expect(await service.sessions.get(ann, id)).toMatchObject({ state: 'expired' });
    await expect(service.run(id, '1')).rejects.toMatchObject({ code: 'session_expired' });
    await expect(service.sessions.touch(ann, id)).rejects.toMatchObject({ code: 'session_expired' });
    await service.sweep();
    await service.fileService.expire();
    expect(await service.sessions.get(ann, id)).toMatchObject({ state: 'expired' });
    expect(await service.sessions.files(ann, id)).toEqual([]);
    await expect(service.sessions.putFile(ann, id, { name: 'f', ...text('x') })).rejects.toMatchObject({
      code: 'session_expired',
    });
  });

  it('is not found by another principal', async () => {
    const { sessions, executions } = await start();
    const { id } = await sessions.create(ann, {});
    const execution = await executions.start(ann, { sessionId: id, language: 'python', code: '1' });
    await execution.done;
    const gone = { code: 'not_found' };
    await expect(sessions.get(bob, id)).rejects.toMatchObject(gone);
    await expect(executions.start(bob, { sessionId: id, language: 'python', code: '1' })).rejects.toMatchObject(gone);
    await expect(sessions.files(bob, id)).rejects.toMatchObject(gone);
    await expect(sessions.delete(bob, id)).rejects.toMatchObject(gone);
    await expect(executions.find(bob, execution.id)).rejects.toMatchObject(gone);
    await expect(sessions.history(bob, id)).rejects.toMatchObject(gone);
    expect((await sessions.list(bob, { limit: 10, order: 'asc' })).sessions).toEqual([]);
    expect((await sessions.list(ann, { limit: 10, order: 'asc' })).sessions).toMatchObject([{ id }]);
  });

  it('takes files, gives them up and lists them, with and without a sandbox', async () => {
    const service = await start();
    const { sessions } = service;
    const { id } = await sessions.create(ann, {});
    const file = await sessions.putFile(ann, id, { name: 'dir/in.csv', ...text('a\n1\n') });
    expect(value(await service.run(id, 'open("dir/in.csv").read()'))).toBe("'a\\n1\\n'");
    await sessions.putFile(ann, id, { name: 'live.txt', ...text('live') });
    await sessions.copyFile(ann, id, { sessionId: id, fileId: file.id, scope: { kind: 'user' }, path: 'copy.csv' });
    await sessions.removeFile(ann, id, 'dir/in.csv');
    expect(value(await service.run(id, 'sorted(__import__("os").listdir()), open("live.txt").read()'))).toBe(
      "(['copy.csv', 'dir', 'live.txt'], 'live')",
    );
    expect(names(await sessions.files(ann, id))).toEqual(['copy.csv', 'live.txt']);
    await expect(sessions.removeFile(ann, id, 'dir/in.csv')).rejects.toMatchObject({ code: 'not_found' });
    for (const name of ['../x', '/etc/passwd', 'a/../b', 'a\0'])
      await expect(sessions.putFile(ann, id, { name, ...text('') })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('takes no file in the place of a directory, nor in one, awake or asleep', async () => {
    const service = await start();
    const { sessions } = service;
    const { id } = await sessions.create(ann, {});
    const upload = await sessions.putFile(ann, id, { name: 'a/b', ...text('x') });
    const refused = { code: 'invalid_request', message: expect.stringContaining('the files do not fit') };
    const from = { sessionId: id, fileId: upload.id, scope: { kind: 'user' } } as const;
    for (const state of ['asleep', 'awake']) {
      await expect(sessions.putFile(ann, id, { name: 'a', ...text('y') })).rejects.toMatchObject(refused);
      await expect(sessions.copyFile(ann, id, { ...from, path: 'a/b/c' })).rejects.toMatchObject(refused);
      await expect(service.run(id, '1', { files: [{ ...from, path: 'a' }] })).rejects.toMatchObject(refused);
      expect([state, value(await service.run(id, 'open("a/b").read()'))]).toEqual([state, "'x'"]);
    }
    await service.run(id, 'import os; os.remove("a/b"); os.rmdir("a")');
    await sessions.putFile(ann, id, { name: 'a', ...text('y') });
    expect(value(await service.run(id, 'open("a").read()'))).toBe("'y'");
  });

  it('takes no more than its workspace holds, awake or asleep', async () => {
    const service = await start();
    const { sessions } = service;
    const { id } = await sessions.create(ann, {});
    const large = await sessions.putFile(ann, id, { name: 'n0', ...text('x'.repeat(15 * 1024 * 1024)) });
    const from = { sessionId: id, fileId: large.id, scope: { kind: 'user' } } as const;
    for (const path of ['n1', 'n2', 'n3']) await sessions.copyFile(ann, id, { ...from, path });
    const refused = { code: 'invalid_request', message: expect.stringContaining('exceed the workspace') };
    for (const state of ['asleep', 'awake']) {
      await expect(sessions.copyFile(ann, id, { ...from, path: 'n4' })).rejects.toMatchObject(refused);
      await expect(service.run(id, '1', { files: [{ ...from, path: 'n4' }] })).rejects.toMatchObject(refused);
      expect([state, value(await service.run(id, 'len(__import__("os").listdir())'))]).toEqual([state, '4']);
    }
    const many = ['n0', 'n1', 'n2', 'n3', 'n4'].map((path) => ({ ...from, path }));
    await expect(sessions.create(ann, { files: many })).rejects.toMatchObject(refused);
    expect((await sessions.list(ann, { limit: 10, order: 'asc' })).sessions).toHaveLength(1);
  });

  it('is forked with its files, and the copies go their own ways', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'x = 1\nopen("f", "w").write("one")');
    const fork = await service.sessions.fork(ann, id, { name: 'fork' });
    expect(value(await service.run(fork.id, 'open("f").read()'))).toBe("'one'");
    await service.run(fork.id, 'open("f", "w").write("two")');
    expect(value(await service.run(id, 'open("f").read()'))).toBe("'one'");
  });

  it('forgets its variables on a restart, also of a cell that never ends', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'x = 1\nopen("f", "w").write("kept")');
    const endless = await service.executions.start(ann, {
      sessionId: id,
      language: 'python',
      code: 'while True: pass',
    });
    await sleep(200);
    await service.sessions.restart(ann, id);
    expect(await endless.done).toMatchObject({ result: { outcome: 'cancelled' } });
    const next = await service.run(id, '"x" in dir(), open("f").read()');
    expect([next.continuity, value(next)]).toEqual(['restored', "(False, 'kept')"]);
  });

  it('knows a file whose bytes were still coming when it was let go and taken up again', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, { idleMs: 1 });
    const { promise: rest, resolve: come } = Promise.withResolvers<void>();
    const content = (async function* () {
      yield Buffer.from('first ');
      await rest;
      yield Buffer.from('rest');
    })();
    const put = service.sessions.putFile(ann, id, { name: 'slow.txt', contentType: '', content });
    await sleep(300);
    service.now += 1000;
    await service.sweep();
    expect(value(await service.run(id, 'import os; os.listdir()'))).toBe('[]');
    come();
    await put;
    expect(value(await service.run(id, 'open("slow.txt").read()'))).toBe("'first rest'");
    expect((await service.sessions.files(ann, id)).map(({ name }) => name)).toEqual(['slow.txt']);
  });

  it('that is deleted cancels what runs and waits in it', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    const begin = (code: string) => service.executions.start(ann, { sessionId: id, language: 'python', code });
    const running = await begin('import time; print("on", flush=True); time.sleep(20)');
    const waiting = await begin('1');
    for await (const { event } of running.events()) if (event.type === 'stdout') break;
    await service.sessions.delete(ann, id);
    await expect(running.done).rejects.toMatchObject({ code: 'cancelled' });
    await expect(waiting.done).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('is removed with everything it had', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    const run = await service.run(id, 'open("f", "w").write("x")');
    await service.sessions.delete(ann, id);
    await expect(service.sessions.get(ann, id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(service.run(id, '1')).rejects.toMatchObject({ code: 'not_found' });
    await expect(service.executions.find(ann, run.id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await service.records.files.list(id)).toEqual([]);
  });
});

describe('executions', () => {
  it('of one session run in order, those that wait can be taken back', async () => {
    const service = await start();
    const { sessions, executions } = service;
    const { id } = await sessions.create(ann, {});
    const run = (code: string) => executions.start(ann, { sessionId: id, language: 'python', code });
    const all = [await run('import time\nl = []\ntime.sleep(1)'), await run('l.append(1)'), await run('l.append(2)')];
    expect(all.map(({ status }) => status)).toEqual(['running', 'queued', 'queued']);
    all[1]!.cancel();
    await expect(all[1]!.done).rejects.toMatchObject({ code: 'cancelled' });
    await all[2]!.done;
    expect(value(await service.run(id, 'l'))).toBe('[2]');
  });

  it('that wait too long, or are too many, are refused', async () => {
    const service = await start({ queueWaitMs: 200 });
    const { sessions, executions } = service;
    const { id } = await sessions.create(ann, {});
    const run = (code: string) => executions.start(ann, { sessionId: id, language: 'python', code });
    const first = await run('import time\ntime.sleep(3)');
    const waiting = await Promise.all(Array.from({ length: 70 }, () => run('1')));
    const ends = await Promise.allSettled(waiting.map(({ done }) => done));
    expect(ends.every((end) => end.status === 'rejected' && end.reason.code === 'session_busy')).toBe(true);
    expect(await first.done).toMatchObject({ result: { outcome: 'completed' } });
    expect(await service.run(id, '1')).toMatchObject({ result: { outcome: 'completed' } });
  });

  it('can be followed, left and come back to', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    const code = 'import time\nfor i in range(4):\n    print(i, flush=True)\n    time.sleep(0.1)\n"end"';
    const { id: executionId } = await service.executions.start(ann, { sessionId: id, language: 'python', code });
    const execution = await service.executions.find(ann, executionId);
    const seen: NumberedEvent[] = [];
    for await (const event of execution.events()) {
      seen.push(event);
      if (seen.length === 2) break;
    }
    for await (const event of execution.events(2)) seen.push(event);
    expect(seen.map(({ number }) => number)).toEqual(seen.map((_, index) => index + 1));
    const printed = seen.flatMap(({ event }) => ('data' in event ? [Buffer.from(event.data).toString()] : []));
    expect(printed.join('')).toBe('0\n1\n2\n3\n');
    expect(seen.at(-1)!.event).toMatchObject({ type: 'result', bundle: { 'text/plain': "'end'" } });
    expect((await Array.fromAsync(execution.events())).length).toBe(seen.length);
  });

  it('are cancelled with their variables kept', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'x = 7');
    const endless = await service.executions.start(ann, {
      sessionId: id,
      language: 'python',
      code: 'while True: pass',
    });
    await sleep(100);
    endless.cancel();
    expect(await endless.done).toMatchObject({ result: { outcome: 'cancelled', interpreter: 'kept' } });
    expect(await service.run(id, 'x')).toMatchObject({ continuity: 'continued' });
  });

  it('need no session', async () => {
    const service = await start();
    const run = await service.run(undefined, 'open("f.txt", "w").write("x")\n6 * 7');
    expect([run.sessionId, run.continuity, value(run)]).toEqual([run.id, 'fresh', '42']);
    const [file] = run.files.flatMap((each) => (each.change === 'created' ? [each.file] : []));
    expect(await contentOf(service, run.id, file!.id)).toBe('x');
    const shell = await service.run(undefined, 'cat in.txt; echo "$1" > out.txt', {
      language: 'bash',
      args: ['arg'],
      files: [{ sessionId: run.id, fileId: file!.id, scope: { kind: 'user' }, path: 'in.txt' }],
    });
    expect(shell.result.stdout.text).toBe('x');
    expect(shell.files).toMatchObject([
      { change: 'created', file: { name: 'out.txt' } },
      { change: 'inherited', path: 'in.txt' },
    ]);
  });

  it('with arguments or input are programs, also where cells are', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'x = 1\nopen("a.txt", "w").write("file")');
    const code = 'import sys\nprint(sys.argv[1:], sys.stdin.read(), open("a.txt").read(), "x" in dir())';
    const given = { args: ['a b'], stdin: 'in' };
    for (const sessionId of [id, undefined]) {
      const files = sessionId
        ? []
        : (await service.sessions.files(ann, id)).map((file) => ({ ...ref(file), path: file.name }));
      const run = await service.run(sessionId, code, { ...given, files });
      expect(run.result).toMatchObject({ interpreter: 'none', stdout: { text: "['a b'] in file False\n" } });
    }
    expect(await service.run(id, 'x')).toMatchObject({ continuity: 'continued' });
  });

  it('of a language without a kernel work on the session’s files', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'x = 1\nopen("a.txt", "w").write("from python")');
    const code = 'echo file_get_contents("a.txt"); unlink("a.txt"); file_put_contents("b.txt", "php");';
    const program = await service.run(id, code, { language: 'php' });
    const { result, deleted, continuity } = program;
    expect([result.stdout.text, deleted, continuity]).toEqual(['from python', ['a.txt'], 'continued']);
    const back = await service.run(id, 'x, __import__("os").listdir(), open("b.txt").read()');
    expect([back.continuity, value(back)]).toEqual(['continued', "(1, ['b.txt'], 'php')"]);
    expect(back.files).toEqual([]);
  });
});

describe('sandboxes of sessions', () => {
  it('make way for others: the one longest unused goes first', async () => {
    const service = await start({ maxLive: 2 });
    const ids = [];
    for (let count = 0; count < 3; count++) {
      const { id } = await service.sessions.create(ann, {});
      ids.push(id);
      service.now += 1000;
      await service.run(id, 'x = 1');
    }
    const states = await Promise.all(ids.map(async (id) => (await service.sessions.get(ann, id)).state));
    expect(states).toEqual(['dormant', 'live', 'live']);
  });

  it('go when memory runs low, and never while they are busy', async () => {
    const service = await start();
    const [busy, idle] = [await service.sessions.create(ann, {}), await service.sessions.create(ann, {})];
    await service.run(idle.id, '1');
    const code = 'import time; time.sleep(2); 5';
    const running = await service.executions.start(ann, { sessionId: busy.id, language: 'python', code });
    await sleep(100);
    service.availableMemory = 0;
    await service.sweep();
    expect(await service.sessions.get(ann, idle.id)).toMatchObject({ state: 'dormant' });
    expect(value(await running.done)).toBe('5');
  });
});

describe('kernels', () => {
  it('of one session have variables and directories of their own, and the same files', async () => {
    const service = await start();
    const { kernels } = service;
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'x = "default"');
    const one = await kernels.create(ann, id, { language: 'py', directory: 'sub/one' });
    const two = await kernels.create(ann, id, { language: 'python' });
    const inOne = (code: string) => service.run(id, code, { kernelId: one.id });
    expect(one).toMatchObject({ language: 'python', directory: 'sub/one', isDefault: false, state: 'dormant' });
    const first = await inOne(
      'x = "one"\nopen("a.txt", "w").write("file")\nimport os\nos.path.relpath(os.getcwd(), "/mnt/data")',
    );
    expect([first.continuity, value(first)]).toEqual(['fresh', "'sub/one'"]);
    expect(first.files).toMatchObject([{ change: 'created', file: { name: 'sub/one/a.txt' } }]);
    const second = await service.run(id, '"x" in dir(), open("sub/one/a.txt").read()', { kernelId: two.id });
    expect([second.continuity, value(second)]).toEqual(['fresh', "(False, 'file')"]);
    expect([value(await inOne('x')), value(await service.run(id, 'x'))]).toEqual(["'one'", "'default'"]);
    expect(await kernels.list(ann, id)).toMatchObject([
      { id: 'python', isDefault: true, state: 'live' },
      { id: one.id, state: 'live' },
      { id: two.id, state: 'live' },
    ]);
    expect(await kernels.restart(ann, id, one.id)).toMatchObject({ state: 'dormant' });
    const again = await inOne('"x" in dir()');
    expect([again.continuity, value(again)]).toEqual(['restored', 'False']);
    expect(await service.run(id, 'x')).toMatchObject({ continuity: 'continued' });
    await kernels.delete(ann, id, one.id);
    await expect(inOne('1')).rejects.toMatchObject({ code: 'not_found' });
    expect(names(await service.sessions.files(ann, id))).toEqual(['sub/one/a.txt']);
  });

  it('come back empty, in their directories, after their sandbox', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    const kernel = await service.kernels.create(ann, id, { language: 'bash', directory: 'b' });
    const run = (code: string) => service.run(id, code, { language: 'bash', kernelId: kernel.id });
    await run('v=1');
    service.now += 21 * minute;
    await service.sweep();
    const again = await run('echo "$v|$(basename "$PWD")"');
    expect([again.continuity, again.result.stdout.text]).toEqual(['restored', '|b\n']);
  });

  it('that loop are restarted', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    const { id: kernelId } = await service.kernels.create(ann, id, { language: 'python' });
    const request = { sessionId: id, kernelId, language: 'python', code: 'print(1, flush=True)\nwhile True: pass' };
    const endless = await service.executions.start(ann, request);
    for await (const { event } of endless.events()) if (event.type === 'stdout') break;
    await service.kernels.restart(ann, id, kernelId);
    expect(await endless.done).toMatchObject({ result: { outcome: 'cancelled' } });
    expect(value(await service.run(id, '6 * 7', { kernelId }))).toBe('42');
  });
});
