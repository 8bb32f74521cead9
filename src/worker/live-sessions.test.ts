import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { limits, startScriptedEngine } from '../engine/fixtures/scripted-engine.ts';
import type { SessionRef } from '../runner/index.ts';
import { Engines } from './engines.ts';
import { LiveSessions } from './live-sessions.ts';

const ref = (id: string, epoch = 1): SessionRef => ({ id, epoch, worker: 'w' });

/** Live sessions over the engine, whose sandboxes follow a script. */
async function setUp(options: { maxLive?: number } = {}) {
  const worker = {
    now: 0,
    availableMemory: 100,
    shortUntilClosed: 0,
    opened: 0,
    alive: 0,
    whenOpened: undefined as PromiseWithResolvers<void> | undefined,
  };
  const { engine } = await startScriptedEngine();
  onTestFinished(() => engine.close());
  const openSession = engine.openSession.bind(engine);
  engine.openSession = async (...request) => {
    worker.opened++;
    worker.alive++;
    await worker.whenOpened?.promise;
    const session = await openSession(...request);
    const close = session.close.bind(session);
    session.close = async () => {
      if (!session.ended) {
        worker.alive--;
        worker.shortUntilClosed--;
      }
      await close();
    };
    return session;
  };
  const sessions = new LiveSessions({
    engines: new Engines([engine]),
    files: { open: async () => [].values() as never, put: async () => ({ digest: '', size: 0 }) },
    maxLive: options.maxLive ?? 6,
    reserveBytes: 10,
    availableMemory: () => (worker.shortUntilClosed > 0 ? 0 : worker.availableMemory),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    now: () => worker.now,
  });
  /** Runs something in a session; `hold` keeps it busy. */
  const use = (owner: string, id: string, hold?: Promise<void>, epoch = 1) =>
    sessions.use(ref(id, epoch), owner, 1000, async (live) => {
      worker.now++;
      await live.sandboxWith([], [], { limits, tier: 'namespaces' }, { jobId: id, owner });
      await hold;
    });
  const live = (...ids: string[]) => sessions.states(ids.map((id) => ref(id))).map(({ id }) => id);
  return { worker, sessions, use, live };
}

describe('live sessions', () => {
  it('of one owner never cost another owner its only one', async () => {
    const { use, live } = await setUp({ maxLive: 6 });
    await use('bob', 'b1');
    for (let n = 1; n <= 20; n++) await use('ann', `a${n}`);
    expect(live('b1', 'a15', 'a16', 'a17', 'a18', 'a19', 'a20')).toEqual(['b1', 'a16', 'a17', 'a18', 'a19', 'a20']);
  });

  it('make room for another owner: the one with the most loses what it has not used for longest', async () => {
    const { use, live } = await setUp({ maxLive: 4 });
    await use('bob', 'b1');
    for (const id of ['a1', 'a2', 'a3']) await use('ann', id);
    await use('cid', 'c1');
    expect(live('b1', 'a1', 'a2', 'a3', 'c1')).toEqual(['b1', 'a2', 'a3', 'c1']);
  });

  it('refuse an owner of more, when only owners of fewer have idle ones', async () => {
    const { use, live } = await setUp({ maxLive: 2 });
    await use('bob', 'b1');
    const busy = Promise.withResolvers<void>();
    const running = use('ann', 'a1', busy.promise);
    await expect(use('ann', 'a2')).rejects.toMatchObject({ code: 'overloaded' });
    expect(live('b1')).toEqual(['b1']);
    busy.resolve();
    await running;
    await use('ann', 'a2');
    expect(live('b1', 'a1', 'a2')).toEqual(['b1', 'a2']);
  });

  it('go after their idle time and when memory is short, but never while they are used', async () => {
    const { worker, sessions, use, live } = await setUp();
    const busy = Promise.withResolvers<void>();
    const running = use('ann', 'busy', busy.promise);
    await use('ann', 'old');
    worker.now = 900;
    await use('ann', 'young');
    worker.now = 1100;
    await sessions.sweep();
    expect(live('busy', 'old', 'young')).toEqual(['busy', 'young']);
    sessions.keep(ref('young'), 5000);
    worker.now = 4000;
    await sessions.sweep();
    expect(live('busy', 'young')).toEqual(['busy', 'young']);
    worker.availableMemory = 0;
    await sessions.sweep();
    expect(live('busy', 'young')).toEqual(['busy']);
    busy.resolve();
    await running;
  });

  it('of one owner that uses all it may leave one in four to another', async () => {
    const { use, live } = await setUp({ maxLive: 4 });
    const busy = Promise.withResolvers<void>();
    const running = ['a1', 'a2', 'a3'].map((id) => use('ann', id, busy.promise));
    await expect(use('ann', 'a4')).rejects.toMatchObject({ code: 'overloaded' });
    await use('bob', 'b1');
    expect(live('a1', 'a2', 'a3', 'b1')).toEqual(['a1', 'a2', 'a3', 'b1']);
    busy.resolve();
    await Promise.all(running);
  });

  it('go where memory is short until it is not, those of the owner with the most first', async () => {
    const { worker, sessions, use, live } = await setUp();
    for (const id of ['b1', 'a1', 'a2', 'a3']) await use(id.startsWith('a') ? 'ann' : 'bob', id);
    worker.shortUntilClosed = 2;
    await sessions.sweep();
    expect(live('b1', 'a1', 'a2', 'a3')).toEqual(['b1', 'a3']);
  });

  it('go when their worker ends: at once, or so long after their last use where their variables are not saved', async () => {
    const { worker, sessions, use, live } = await setUp();
    const cell = async (id: string) => {
      await use('ann', id);
      sessions.find(ref(id))!.noteKernel('python', true);
    };
    await use('ann', 'plain');
    await cell('early');
    await cell('late');
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const running = use('ann', 'late', over);
    expect(await sessions.letGo(100)).toBe(2);
    expect(live('plain', 'early', 'late')).toEqual(['early', 'late']);
    worker.now += 100;
    expect(await sessions.letGo(100)).toBe(1);
    end();
    await running;
    expect(await sessions.letGo(100)).toBe(1);
    worker.now += 100;
    expect(await sessions.letGo(100)).toBe(0);
  });

  it('leave no sandbox behind when they are deleted while one is being made', async () => {
    const { worker, sessions, use } = await setUp();
    worker.whenOpened = Promise.withResolvers<void>();
    const running = use('ann', 'a');
    const refused = expect(running).rejects.toMatchObject({ code: 'conflict' });
    await vi.waitFor(() => expect(worker.opened).toBe(1));
    await sessions.drop(ref('a'));
    worker.whenOpened.resolve();
    await refused;
    expect([worker.opened, worker.alive]).toEqual([1, 0]);
  });

  it('are of the newest epoch: an older sandbox is closed, an older job refused', async () => {
    const { use, sessions, worker } = await setUp();
    await use('ann', 'a', undefined, 1);
    await use('ann', 'a', undefined, 2);
    expect([worker.opened, sessions.count]).toEqual([2, 1]);
    expect(sessions.states([ref('a', 1)])).toEqual([]);
    await expect(use('ann', 'a', undefined, 1)).rejects.toMatchObject({ code: 'conflict' });
  });
});
