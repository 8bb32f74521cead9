import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  globSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startEngine } from '../support/engine.ts';
import { imageRoot } from '../support/image.ts';
import { LibreChatClient } from '../support/librechat.ts';
import { nativeClient } from '../support/native.ts';
import { startServer } from '../support/server.ts';
import { ann, startSessions } from '../support/sessions.ts';
import { atPace, keptElsewhere } from '../support/tier.ts';
import { attacking } from './attack.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const folder = (name: string) => {
  const made = mkdtempSync(join(tmpdir(), `dragoman-${name}-`));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
};
/** Control groups of a server, in whatever hierarchy. */
const groupsOf = (pid: number) => globSync(`/sys/fs/cgroup/**/dragoman.${pid}.*`);
const stateful = { 'x-codeapi-expected-profile': 'stateful' };

describe('a server', attacking('endurance'), () => {
  it('that is killed with live sessions: sandboxes are swept, sessions come back with their files', {
    timeout: atPace(90_000),
  }, async () => {
    const dataDir = folder('killed');
    const first = await startServer({ dataDir });
    const cell = (server: { url: string }, code: string) =>
      new LibreChatClient(`${server.url}/v1`, first.key).exec(
        { lang: 'py', code, runtime_session_hint: 'work' },
        stateful,
      );
    const made = await cell(first, 'x = 1\nopen("kept.txt", "w").write("kept")');
    expect(made.body).toMatchObject({ runtime_status: 'new', files: [{ name: 'kept.txt' }] });
    const running = cell(first, 'while True: pass').catch(() => 'gone');
    await sleep(500);
    expect(groupsOf(first.pid)).not.toEqual([]);
    await first.kill();
    expect(await running).toBe('gone');
    const second = await startServer({ dataDir });
    try {
      // One was frozen or running, others were parked: whether the kernel or the sweep ended them, none is left. Another
      // server that starts in the meantime may be the one that sweeps.
      await vi.waitUntil(() => groupsOf(first.pid).length === 0, { timeout: atPace(10_000) });
      const back = await cell(second, 'print("x" in dir(), open("kept.txt").read())');
      expect(back.body).toMatchObject({
        stdout: expect.stringContaining('False kept\n'),
        session_id: made.body.session_id,
      });
      expect((await cell(second, 'print(6 * 7)')).body).toMatchObject({ stdout: '42\n', runtime_status: 'reused' });
    } finally {
      await second.stop();
    }
  });

  it('whose disk is full answers, and keeps what it acknowledged', {
    timeout: atPace(90_000),
  }, async () => {
    const dataDir = folder('full');
    // A disk of its own, seen by this one process and gone with it.
    const asRoot = ['--mount', '--propagation', 'private'];
    const asUser = ['--user', '--map-root-user', '--mount'];
    const back = `unshare --user --map-user=${process.getuid!()} --map-group=${process.getgid!()}`;
    const isRoot = process.getuid!() === 0;
    const script = `mount -t tmpfs -o size=10m,mode=711 tmpfs ${dataDir} && ${keptElsewhere(dataDir)} exec ${isRoot ? '' : back} "$@"`;
    const enter = isRoot ? asRoot : asUser;
    const command = ['unshare', ...enter, 'sh', '-ec', script, 'sh', process.execPath, main, 'serve'] as const;
    const server = await startServer({ dataDir, command });
    try {
      const client = new LibreChatClient(`${server.url}/v1`, server.key);
      const files: { path: string; content: string }[] = [];
      let refused = 0;
      for (let round = 0; round < 12; round++) {
        const content = randomBytes(750_000).toString('hex');
        const started = performance.now();
        const { status, body } = await client.upload([{ name: `${round}.txt`, content }], { kind: 'user', id: 'u' });
        expect(performance.now() - started).toBeLessThan(10_000);
        const [file] = body.files ?? [];
        if (status !== 200 || file?.fileId === undefined) refused++;
        else files.push({ path: `${body.storage_session_id}/${file.fileId}`, content });
      }
      expect([files.length > 2, refused > 2]).toEqual([true, true]);
      // A program still gets an answer: its result, or that nothing can be recorded.
      expect([200, 503]).toContain((await client.run('py', 'print(1)')).status);
      for (const { path, content } of files)
        expect((await client.get(`/download/${path}?kind=user&id=u`)).body === content).toBe(true);
      expect((await fetch(`${server.url}/health`)).status).toBeLessThan(504);
    } finally {
      await server.stop();
    }
  });
});

describe('a database', attacking('endurance'), () => {
  it('that is damaged under a server that runs: every request is answered, and the next start refuses it as it is', {
    timeout: atPace(90_000),
  }, async () => {
    const dataDir = folder('damaged');
    const file = join(dataDir, 'dragoman.db');
    const first = await startServer({ dataDir });
    // More than a database keeps in memory of itself.
    const ids: string[] = [];
    for (let n = 0; n < 12; n++) {
      const items = [{ type: 'message', role: 'user', content: 'x'.repeat(400_000) }];
      ids.push((await nativeClient(first).json<{ id: string }>('POST', '/conversations', { items })).id);
    }
    // In order, so that all of it is in the one file and nothing in its journal.
    await first.stop();
    const second = await startServer({ dataDir });
    try {
      const size = statSync(file).size;
      const target = openSync(file, 'r+');
      for (let at = 4096; at < size; at += 256) writeSync(target, Buffer.alloc(200, 0xa5), 0, 200, at);
      closeSync(target);
      const client = new LibreChatClient(`${second.url}/v1`, first.key);
      const answers: { status: number; body: { error?: unknown } }[] = [];
      for (const id of ids) {
        const read = await nativeClient({ url: second.url, key: first.key }).send('GET', `/conversations/${id}/items`);
        answers.push({ status: read.status, body: (await read.json()) as { error?: unknown } });
      }
      expect(answers.filter(({ status }) => status !== 200).length).toBeGreaterThan(6);
      for (let n = 0; n < 5; n++) {
        answers.push(await client.upload([{ name: 'after', content: `after ${n}` }]));
        answers.push(await client.run('py', 'open("made.txt", "w").write("made")\nprint(6 * 7)'));
      }
      // From what it remembers of the file, or refused in words.
      for (const { status, body } of answers) {
        expect([200, 500, 503]).toContain(status);
        if (status !== 200) expect(body.error).toBeTruthy();
      }
      expect((await fetch(`${second.url}/health`)).status).toBe(200);
      // It ends in order either way: without success when a last write meets damage, which depends on the pages it remembers.
      await second.stop().catch((error: Error) => expect(error.message).toContain('the server ended with 1'));
      expect(groupsOf(second.pid)).toEqual([]);
    } finally {
      await second.kill();
    }
    const damaged = readFileSync(file);
    await expect(startServer({ dataDir })).rejects.toThrow(/dragoman\.db cannot be used: it is damaged/);
    expect(readFileSync(file).equals(damaged)).toBe(true);
  });
});

describe('a server that is asked to end while it starts', attacking('endurance'), () => {
  it.each(['SIGTERM', 'SIGHUP'] as const)(
    'by %s ends in order and leaves nothing',
    { timeout: atPace(90_000) },
    async (signal) => {
      const dataDir = folder('early');
      const env = {
        PATH: process.env.PATH,
        DRAGOMAN_PORT: '0',
        DRAGOMAN_DATA_DIR: dataDir,
        DRAGOMAN_IMAGE: await imageRoot(),
      };
      const child = spawn(process.execPath, [main, 'serve'], { stdio: 'ignore', env });
      const ended = once(child, 'exit');
      try {
        await vi.waitUntil(() => existsSync(join(dataDir, 'server.lock')), { timeout: atPace(60_000), interval: 1 });
        child.kill(signal);
        expect(await ended).toEqual([0, null]);
        expect(groupsOf(child.pid!)).toEqual([]);
      } finally {
        child.kill('SIGKILL');
      }
      const next = await startServer({ dataDir });
      await next.stop();
    },
  );
});

describe('a port that is taken', attacking('endurance'), () => {
  it('ends the start in a sentence, unlocks the data directory, and harms no server', {
    timeout: atPace(60_000),
  }, async () => {
    const first = await startServer();
    try {
      const { port } = new URL(first.url);
      const dataDir = folder('port');
      const second = startServer({ dataDir, env: { DRAGOMAN_PORT: port } });
      const refusal = await second.then(
        () => undefined,
        (error: Error) => error.message,
      );
      expect(refusal).toMatch(new RegExp(`dragoman: port ${port} of 127.0.0.1 is taken by another program`));
      expect(refusal).not.toMatch(/^ +at /m);
      const third = await startServer({ dataDir });
      await third.stop();
      expect((await new LibreChatClient(`${first.url}/v1`, first.key).run('py', 'print(6 * 7)')).body).toMatchObject({
        stdout: '42\n',
      });
    } finally {
      await first.stop();
    }
  });
});

describe('a clock that jumps', attacking('endurance'), () => {
  const hour = 3_600_000;

  it('ends no run, loses no file and brings nothing back to life', async () => {
    const engine = await startEngine();
    onTestFinished(() => engine.close());
    const service = await startSessions(engine);
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'x = 41\nopen("kept.txt", "w").write("kept")');
    const names = async () => (await service.sessions.files(ann, id)).map(({ name }) => name);
    service.now -= 72 * hour;
    await service.sweep();
    await service.fileService.expire();
    const early = await service.run(id, 'x + 1');
    expect([early.continuity, early.result.outcome, early.result.usage.wallMs >= 0]).toEqual([
      'continued',
      'completed',
      true,
    ]);
    expect(await names()).toEqual(['kept.txt']);
    // While a cell runs, too: its limit is on a clock that cannot be set.
    const running = await service.executions.start(ann, {
      sessionId: id,
      language: 'python',
      code: 'import time; time.sleep(1); 7',
    });
    service.now += 96 * hour;
    await service.sweep();
    expect((await running.done).result.outcome).toBe('completed');
    service.now += 100 * 24 * hour;
    await service.sweep();
    await expect(service.run(id, '1')).rejects.toMatchObject({ code: 'session_expired' });
  });
});
