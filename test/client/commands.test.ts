import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiError, type CommandEvent, Dragoman, type Session } from '../../client/src/index.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** Commands and files inside a sandbox, by the client and a real server. */
let server: TestServer;
let session: Session;
beforeAll(async () => {
  server = await startServer();
  session = await new Dragoman({ url: server.url, apiKey: server.key }).sessions.create();
});
afterAll(() => server?.stop());

async function all(id: string, options?: { after: number }): Promise<CommandEvent[]> {
  const events: CommandEvent[] = [];
  for await (const event of session.commands.events(id, options)) events.push(event);
  return events;
}

function said(events: readonly CommandEvent[], stream: string): string {
  const pieces = events.flatMap((event) => (event.type === stream && 'data' in event ? [event.data] : []));
  return Buffer.concat(pieces).toString();
}

describe('commands', () => {
  it('say bytes on two streams, how they ended, and which files they left', async () => {
    const { id } = await session.commands.start({
      command: 'printf "ü\\377"; echo err >&2; echo x > made; exit 3',
    });
    const events = await all(id);
    const pieces = events.flatMap((event) => (event.type === 'stdout' ? [event.data] : []));
    expect(Buffer.concat(pieces)).toEqual(Buffer.from([0xc3, 0xbc, 0xff]));
    expect(said(events, 'stderr')).toBe('err\n');
    expect(events.at(-2)).toEqual({ type: 'ended', reason: 'exited', exit_code: 3, signal: null });
    expect(events.at(-1)).toEqual({ type: 'files', changed: ['made'], deleted: [] });
    expect(await session.commands.get(id)).toMatchObject({ state: 'ended', end: { exit_code: 3 } });
    expect((await session.commands.list()).map((command) => command.id)).toContain(id);
  });

  it('read what is written to them until their input ends', async () => {
    const { id } = await session.commands.start({ argv: ['tr', 'a-z', 'A-Z'], stdin: true });
    await session.commands.write(id, 'six ');
    await session.commands.write(id, new TextEncoder().encode('seven\n'));
    await session.commands.closeInput(id);
    expect(said(await all(id), 'stdout')).toBe('SIX SEVEN\n');
  });

  it('take signals and sizes of terminals, and are forgotten', async () => {
    const { id } = await session.commands.start({
      command: 'trap "stty size; exit 9" USR1; echo ready; while :; do sleep 0.05; done',
      terminal: { columns: 80, rows: 24 },
    });
    let ended: CommandEvent | undefined;
    let text = '';
    for await (const event of session.commands.events(id)) {
      if (event.type === 'ended') ended = event;
      if (event.type !== 'terminal') continue;
      const isReady = text.includes('ready');
      text += Buffer.from(event.data).toString();
      if (isReady || !text.includes('ready')) continue;
      await session.commands.resize(id, { columns: 100, rows: 30 });
      expect(await session.commands.signal(id, 'SIGUSR1')).toBe(true);
    }
    expect(text).toContain('30 100');
    expect(ended).toMatchObject({ exit_code: 9 });
    expect(await session.commands.signal(id, 'SIGTERM')).toBe(false);
    await session.commands.delete(id);
    await expect(session.commands.get(id)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('files of the sandbox', () => {
  it('are written, read whole and in part, listed, moved and removed', async () => {
    const wrote = await session.fs.write('/tmp/deep/ü b.sh', '0123456789', { mode: '750' });
    expect(wrote).toMatchObject({ path: '/tmp/deep/ü b.sh', kind: 'file', size: 10, mode: 0o750 });
    expect(await session.fs.entry('/tmp/deep/ü b.sh')).toEqual(wrote);
    expect(await (await session.fs.read('/tmp/deep/ü b.sh')).text()).toBe('0123456789');
    const part = await session.fs.read('/tmp/deep/ü b.sh', { start: 2, end: 4 });
    expect([part.size, await part.text()]).toEqual([3, '234']);
    expect(await (await session.fs.read('/tmp/deep/ü b.sh', { start: 8 })).text()).toBe('89');
    expect(await session.fs.makeDirectory('/tmp/other/inner')).toMatchObject({ kind: 'directory' });
    const moved = await session.fs.move('/tmp/deep/ü b.sh', '/tmp/other/inner/c');
    expect(moved.path).toBe('/tmp/other/inner/c');
    const { data, truncated } = await session.fs.list('/tmp/other', { depth: 2 });
    expect([data.map(({ path }) => path), truncated]).toEqual([['/tmp/other/inner', '/tmp/other/inner/c'], false]);
    await session.fs.remove('/tmp/other');
    const gone = await session.fs.entry('/tmp/other').catch((error) => error);
    expect(gone).toBeInstanceOf(ApiError);
    expect(gone.code).toBe('not_found');
  });

  it('are those of the session in the workspace', async () => {
    await session.fs.write('inside.txt', new Blob(['x']));
    expect((await session.files.list()).map(({ path }) => path)).toContain('inside.txt');
    expect((await session.fs.list()).data.map(({ name }) => name)).toContain('inside.txt');
  });

  it('are watched until the reader leaves or the signal aborts', async () => {
    const controller = new AbortController();
    const changes = await session.fs.changes('/tmp', { recursive: true, signal: controller.signal });
    await session.fs.write('/tmp/watched/a', 'x');
    for await (const { path } of changes) if (path === 'watched/a') break;
    const more = await session.fs.changes('/tmp', { signal: controller.signal });
    const next = more.next();
    controller.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
  });
});
