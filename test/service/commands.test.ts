import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CommandEvent, Commands } from '../../src/service/index.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { ann, bob, startSessions } from '../support/sessions.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const sh = (line: string) => ({ argv: ['/bin/bash', '-c', line] });

async function follow(commands: Commands, sessionId: string, id: string, after: number | 'now' = 0) {
  const events: CommandEvent[] = [];
  for await (const { event } of commands.events(ann, sessionId, id, after)) events.push(event);
  const text = events.map((event) => (event.type === 'output' ? Buffer.from(event.data).toString() : '')).join('');
  return { events, text };
}

it('a command runs in a session without a sandbox, beside its cells, and its files become the session’s', async () => {
  const { commands, sessions, run } = await startSessions(engine);
  const { id } = await sessions.create(ann, {});
  await sessions.putFile(ann, id, {
    name: 'in.txt',
    contentType: 'text/plain',
    content: Readable.from([Buffer.from('given')]),
  });
  const command = await commands.start(
    ann,
    id,
    sh('cat in.txt; sleep 0.5; echo made > out.txt; rm in.txt; mkdir empty'),
  );
  expect(command).toMatchObject({ sessionId: id, cwd: '/mnt/data', ended: null });
  expect((await run(id, 'x = 6; print(x * 7)')).result.stdout.text).toBe('42\n');
  const { events, text } = await follow(commands, id, command.id);
  expect(text).toBe('given');
  expect(events.at(-2)).toEqual({
    type: 'ended',
    end: { reason: 'exited', code: 0, signal: null },
  });
  expect(events.at(-1)).toEqual({ type: 'files', changed: ['out.txt'], deleted: ['in.txt'] });
  expect((await sessions.files(ann, id)).map(({ name }) => name)).toEqual(['out.txt']);
  expect((await run(id, 'print(x, open("out.txt").read())')).result.stdout.text).toBe('6 made\n\n');
  expect((await follow(commands, id, command.id, events.length - 2)).events).toEqual(events.slice(-2));
});

it('output is kept while nothing reads it, and can be read from any event on', async () => {
  const { commands, sessions } = await startSessions(engine);
  const { id } = await sessions.create(ann, {});
  const command = await commands.start(ann, id, sh('echo one; sleep 0.2; echo two; sleep 0.2; echo three'));
  await expect.poll(async () => (await commands.get(ann, id, command.pid)).ended).not.toBeNull();
  expect((await follow(commands, id, command.id)).text).toBe('one\ntwo\nthree\n');
  expect((await follow(commands, id, command.id, 1)).text).toBe('two\nthree\n');
});

it('a reader that keeps up gets every byte of a flood; without one the oldest is dropped, and that is told', async () => {
  const service = await startSessions(engine);
  const { commands, sessions } = service;
  const { id } = await sessions.create(ann, {});
  const flood = sh('head -c 6000000 /dev/zero | tr "\\0" x');
  const read = await commands.start(ann, id, flood);
  expect((await follow(commands, id, read.id)).text).toHaveLength(6_000_000);
  const unread = await commands.start(ann, id, flood);
  // It waits no longer for a reader.
  service.now += 2000;
  await expect.poll(async () => (await commands.get(ann, id, unread.id)).ended, { timeout: 20_000 }).not.toBeNull();
  const { events, text } = await follow(commands, id, unread.id);
  const [dropped] = events;
  expect(dropped).toMatchObject({ type: 'dropped' });
  expect((dropped as { bytes: number }).bytes + text.length).toBe(6_000_000);
});

it('a command ends at its time, by a signal, and with its session', async () => {
  const { commands, sessions } = await startSessions(engine);
  const { id } = await sessions.create(ann, {});
  const start = async (line: string, more = {}) => commands.start(ann, id, { ...sh(line), ...more });
  const end = async (command: string) =>
    (await follow(commands, id, command)).events.find(({ type }) => type === 'ended');
  const late = await start('trap "" TERM; while :; do sleep 1; done', { timeoutMs: 300 });
  expect(await end(late.id)).toMatchObject({ end: { reason: 'timed_out', signal: 'SIGKILL' } });
  const killed = await start('sleep 100');
  expect(await commands.signal(ann, id, killed.id, 'SIGTERM')).toBe(true);
  expect(await end(killed.id)).toMatchObject({ end: { reason: 'killed', signal: 'SIGTERM' } });
  expect(await commands.signal(ann, id, killed.id, 'SIGTERM')).toBe(false);
  await expect(commands.get(bob, id, killed.id)).rejects.toMatchObject({ code: 'not_found' });
  const left = await start('sleep 100');
  const followed = follow(commands, id, left.id);
  await sessions.delete(ann, id);
  expect((await followed).events.at(0)).toMatchObject({ end: { reason: 'sandbox_gone' } });
  await expect(commands.list(ann, id)).rejects.toMatchObject({ code: 'not_found' });
});

it('a sandbox stays while a command runs in it, however long it is idle, and goes afterwards', async () => {
  const test = await startSessions(engine);
  const { commands, sessions } = test;
  const { id } = await sessions.create(ann, {});
  const command = await commands.start(ann, id, sh('sleep 100'));
  test.now += 30 * 60_000;
  await test.sweep();
  expect((await sessions.get(ann, id)).state).toBe('live');
  await commands.delete(ann, id, command.id);
  await expect.poll(async () => (await commands.list(ann, id)).length).toBe(0);
  test.now += 30 * 60_000;
  await test.sweep();
  expect((await sessions.get(ann, id)).state).toBe('dormant');
});

it('files anywhere in the sandbox are read and written; those of the workspace are the session’s', async () => {
  const { sandboxFiles, sessions } = await startSessions(engine);
  const { id } = await sessions.create(ann, {});
  const text = async (path: string, range?: { start: number; end?: number }) => {
    const { content } = await sandboxFiles.read(ann, id, path, range);
    return Buffer.concat(await content.toArray()).toString();
  };
  const bytes = async function* (...parts: string[]) {
    for (const part of parts) yield Buffer.from(part);
  };
  await sandboxFiles.write(ann, id, '/tmp/a.txt', bytes('ab', 'cd'));
  expect([await text('/tmp/a.txt'), await text('/tmp/a.txt', { start: 1, end: 2 })]).toEqual(['abcd', 'bc']);
  expect(await text('/proc/self/comm')).toMatch(/\n$/);
  await sandboxFiles.write(ann, id, 'sub/kept.txt', bytes('kept'), 0o755);
  expect((await sessions.files(ann, id)).map(({ name }) => name)).toEqual(['sub/kept.txt']);
  await sandboxFiles.move(ann, id, '/tmp/a.txt', 'moved.txt');
  await sandboxFiles.remove(ann, id, 'sub');
  expect((await sessions.files(ann, id)).map(({ name }) => name)).toEqual(['moved.txt']);
  await expect(sandboxFiles.read(bob, id, '/tmp/a.txt')).rejects.toMatchObject({ code: 'not_found' });
});
