import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandEvent, NewCommand } from '../../src/service/index.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { watchLoop } from '../support/loop-holds.ts';
import { ann, bob, startSessions } from '../support/sessions.ts';
import { atPace } from '../support/tier.ts';
import { attacking, hostile } from './attack.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

async function open() {
  const service = await startSessions(engine);
  const { id } = await service.sessions.create(ann, {});
  const { commands, sandboxFiles, run } = service;
  const start = (line: string, more: Partial<NewCommand> = {}) =>
    commands.start(ann, id, { argv: ['/bin/bash', '-c', line], ...more });
  const follow = async (command: string) => {
    const events: CommandEvent[] = [];
    for await (const { event } of commands.events(ann, id, command, 0)) events.push(event);
    const text = events.map((event) => (event.type === 'output' ? Buffer.from(event.data).toString() : '')).join('');
    return { events, text, end: events.flatMap((event) => (event.type === 'ended' ? [event.end] : []))[0] };
  };
  const read = async (path: string) => (await (await sandboxFiles.read(ann, id, path)).content.toArray()).join('');
  const answers = async (code = '6 * 7') => expect((await run(id, code)).result.outcome).toBe('completed');
  const later = (ms: number) => {
    service.now += ms;
  };
  return { ...service, id, start, follow, read, answers, later };
}

/** Longest time that the event loop was held while something was under way. */
async function longestHold(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  const watch = watchLoop(5, (heldMs) => {
    longest = Math.max(longest, heldMs);
  });
  await work().finally(() => watch.stop());
  return longest;
}

describe('a command', attacking('commands'), () => {
  it('that floods its output costs neither the event loop nor memory, and other sessions answer', async () => {
    const { start, follow, commands, id, sessions, run, later } = await open();
    const floods = await Promise.all([1, 2, 3].map(() => start('exec yes')));
    const bytewise = await start('while :; do printf x; done');
    // They wait no longer for a reader.
    later(2000);
    const { id: other } = await sessions.create(ann, {});
    const longest = await longestHold(async () => {
      expect((await run(other, '6 * 7')).result.outcome).toBe('completed');
      // What they may say comes with time.
      for (let turn = 0; turn < 30; turn++) {
        await sleep(atPace(50));
        later(50);
      }
    });
    expect(longest).toBeLessThan(1000);
    for (const { id: flood } of [...floods, bytewise]) await commands.signal(ann, id, flood, 'SIGKILL');
    // What it had said before it died comes at its pace, for which time has to go on.
    const endOf = async () => {
      later(100);
      return (await commands.get(ann, id, floods[0]!.id)).ended;
    };
    await expect.poll(endOf, { timeout: atPace(20_000) }).not.toBeNull();
    const { events, text } = await follow(floods[0]!.id);
    expect(events[0]).toMatchObject({ type: 'dropped' });
    expect(text.length).toBeLessThan(1_100_000);
  });

  it('that is read slowly waits for its reader', async () => {
    const { start, commands, id } = await open();
    const flood = await start('exec yes');
    const events = commands.events(ann, id, flood.id, 0);
    let bytes = 0;
    for await (const { event } of events) {
      if (event.type === 'output') bytes += event.data.length;
      if (bytes > 3_000_000) break;
      expect(event.type).toBe('output');
      if (bytes % 5 === 0) await sleep(1);
    }
    await commands.delete(ann, id, flood.id);
  });

  it('that forks without end stays within its sandbox, and ends by force', async () => {
    const { start, commands, id, sessions, run } = await open();
    const bomb = await start('f() { f | f & }; f; sleep 100');
    await sleep(500);
    const { id: other } = await sessions.create(ann, {});
    expect((await run(other, '6 * 7')).result.outcome).toBe('completed');
    await sessions.delete(ann, id);
    await expect(commands.get(ann, id, bomb.id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('that ignores every signal ends at its time', async () => {
    const { start, follow } = await open();
    const command = await start('trap "" HUP INT TERM QUIT USR1; while :; do sleep 0.1; done', {
      timeoutMs: atPace(500),
    });
    expect((await follow(command.id)).end).toEqual({ reason: 'timed_out', code: null, signal: 'SIGKILL' });
  });

  it('that leaves a daemon behind is over, and the daemon stands still', async () => {
    const { start, follow, read } = await open();
    // The file only grows: it may be read at any moment.
    const daemon = 'while :; do echo >> /tmp/count; sleep 0.01; done';
    const command = await start(`setsid bash -c '${daemon}' >&- 2>&- <&- & sleep 0.3; echo left`);
    expect(await follow(command.id)).toMatchObject({ text: 'left\n', end: { reason: 'exited', code: 0 } });
    const before = (await read('/tmp/count')).length;
    await sleep(1500);
    expect((await read('/tmp/count')).length - before).toBeLessThan(60);
  });

  it('cannot reach what supervises it, nor speak for it', async () => {
    const { start, follow, answers, sandboxFiles, id } = await open();
    const { code } = hostile('sessions/reach-supervisor.py');
    await sandboxFiles.write(ann, id, '/tmp/reach.py', [Buffer.from(code)].values() as never);
    const { text } = await follow((await start('python3 /tmp/reach.py')).id);
    expect(text.split('\n').filter((line) => line.startsWith('breach'))).toEqual([]);
    expect(text).toContain('tried');
    await answers();
  });

  it('that kills everything it may leaves a session that works', async () => {
    const { start, follow, answers, read, sandboxFiles, id } = await open();
    await sandboxFiles.write(ann, id, '/tmp/a', [Buffer.from('kept')].values() as never);
    await follow((await start('kill -9 -1; sleep 0.1')).id);
    expect(await read('/tmp/a')).toBe('kept');
    await answers();
  });

  it('that does not read its input takes a bounded part of it', async () => {
    const { start, commands, id } = await open();
    const command = await start('sleep 100', { hasInput: true });
    const write = (bytes: number) => commands.write(ann, id, command.id, Buffer.alloc(bytes));
    await write(1024 * 1024);
    await expect(write(1024 * 1024)).rejects.toMatchObject({ code: 'rate_limited' });
    await expect(write(1024 * 1024 + 1)).rejects.toMatchObject({ code: 'too_large' });
    await commands.delete(ann, id, command.id);
  });

  it('is one of a few, however many are asked for', async () => {
    const { start, commands, id, answers } = await open();
    const started = await Promise.allSettled(Array.from({ length: 1000 }, () => start('sleep 100')));
    const refused = started.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []));
    expect([started.length - refused.length, new Set(refused)]).toEqual([16, new Set(['rate_limited'])]);
    await answers();
    for (const { id: each } of await commands.list(ann, id)) await commands.delete(ann, id, each);
  });

  it('of another is not found, on any way', async () => {
    const { start, commands, sandboxFiles, id } = await open();
    const { id: own, pid } = await start('cat', { hasInput: true });
    const first = async (events: AsyncIterable<unknown>) => {
      for await (const event of events) return event;
    };
    for (const command of [own, pid])
      for (const way of [
        commands.get(bob, id, command),
        first(commands.events(bob, id, command, 0)),
        commands.write(bob, id, command, Buffer.from('x')),
        commands.closeInput(bob, id, command),
        commands.signal(bob, id, command, 'SIGKILL'),
        commands.resize(bob, id, command, { columns: 80, rows: 24 }),
        commands.delete(bob, id, command),
      ])
        await expect(way).rejects.toMatchObject({ code: 'not_found' });
    for (const way of [
      commands.start(bob, id, { argv: ['true'] }),
      commands.list(bob, id),
      sandboxFiles.stat(bob, id, '/tmp'),
      sandboxFiles.list(bob, id, '/tmp', 1),
      sandboxFiles.makeDirectory(bob, id, '/tmp/a'),
      sandboxFiles.move(bob, id, '/tmp/a', '/tmp/b'),
      sandboxFiles.remove(bob, id, '/tmp/a'),
      sandboxFiles.read(bob, id, '/tmp/a'),
      sandboxFiles.write(bob, id, '/tmp/a', [].values() as never),
      sandboxFiles.watch(bob, id, '/tmp', { recursive: true }, new AbortController().signal),
    ])
      await expect(way).rejects.toMatchObject({ code: 'not_found' });
    expect((await commands.get(ann, id, own)).ended).toBeNull();
    await commands.delete(ann, id, own);
  });
});

describe('a path', attacking('commands'), () => {
  it('leads nowhere but into the sandbox, and to nothing but files', async () => {
    const { start, follow, sandboxFiles, id, answers } = await open();
    await follow((await start('ln -s /proc/1/environ a; ln -s / b; mkfifo c; ln -s d d; ln -s /dev/zero e')).id);
    const tries = [
      'a',
      'b/proc/1/mem',
      '../../../../proc/1/environ',
      '/proc/self/mem',
      '/proc/self/fd/240',
      '/proc/self/fd/231',
      '/proc/1/root/etc/shadow',
      '/etc/shadow',
      'c',
      'd',
      'e',
      '/dev/zero',
      '/dev/tty',
      '/mnt/data',
    ];
    for (const path of tries) {
      const refused = sandboxFiles.read(ann, id, path).then(async ({ content }) => (await content.toArray()).join(''));
      await expect(refused, path).rejects.toMatchObject({
        code: expect.stringMatching(/^(not_found|forbidden|invalid_request|sandbox_unavailable)$/),
      });
      const written = sandboxFiles.write(ann, id, path, [Buffer.from('x')].values() as never);
      await expect(written, path).rejects.toMatchObject({
        code: expect.stringMatching(/^(not_found|forbidden|invalid_request|sandbox_unavailable|conflict)$/),
      });
    }
    for (const path of ['', 'a\0b', 'x'.repeat(5000), '\ud800'])
      await expect(sandboxFiles.stat(ann, id, path)).rejects.toMatchObject({ code: 'invalid_request' });
    await answers();
  });

  it('to a file that grows or shrinks meanwhile gives as much as was promised, or fails', async () => {
    const { start, sandboxFiles, id, commands } = await open();
    const grow = await start('while :; do head -c 100000 /dev/zero >> /tmp/grows; sleep 0.01; done');
    await sleep(300);
    const { size, content } = await sandboxFiles.read(ann, id, '/tmp/grows');
    expect((await content.toArray()).reduce((sum, { length }) => sum + length, 0)).toBe(size);
    await commands.delete(ann, id, grow.id);
    await sandboxFiles.write(ann, id, '/tmp/shrinks', [Buffer.alloc(900_000)].values() as never);
    const opened = await sandboxFiles.read(ann, id, '/tmp/shrinks');
    await sandboxFiles.write(ann, id, '/tmp/other', [Buffer.alloc(1)].values() as never);
    const cut = await start(': > /tmp/shrinks');
    await expect.poll(async () => (await commands.get(ann, id, cut.id)).ended).not.toBeNull();
    await expect(opened.content.toArray()).rejects.toMatchObject({ code: 'sandbox_unavailable' });
  });

  it('that is watched in a storm tells so much and that there was more', async () => {
    const { start, follow, sandboxFiles, id, answers } = await open();
    const gone = new AbortController();
    await sandboxFiles.makeDirectory(ann, id, '/tmp/storm');
    const changes = await sandboxFiles.watch(ann, id, '/tmp/storm', { recursive: true }, gone.signal);
    const line = 'for i in $(seq 300); do mkdir -p /tmp/storm/$i; touch /tmp/storm/$i/{1..20}; done; sleep 0.5';
    await follow((await start(line)).id);
    let count = 0;
    for await (const { change } of changes) {
      count++;
      if (change === 'overflow') gone.abort();
    }
    expect(count).toBeLessThan(20_000);
    await answers();
  });
});
