import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Execution } from '../../src/service/index.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { ann, bob, startSessions, type TestSessions } from '../support/sessions.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const minute = 60_000;
const value = ({ result }: Execution) => result.outputs.findLast(({ kind }) => kind === 'result')?.bundle['text/plain'];
const start = (options = {}) => startSessions(engine, options);

/** Lets the session's sandbox go, as after twenty idle minutes. */
async function letGo(service: TestSessions, id: string): Promise<void> {
  service.now += 21 * minute;
  await service.sweep();
  expect(await service.sessions.get(ann, id)).toMatchObject({ state: 'dormant' });
}

describe('variables of a session', () => {
  it('come back when its sandbox is gone, and what could not be kept is named', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'import threading\nx = [1, 2]\ny = x\ndef twice(n): return n * len(x)\ngen = (i for i in x)');
    const saved = await service.states.save(ann, id);
    expect(saved.at(-1)).toMatchObject({ kernel: 'python', state: 'saved', isBehind: false });
    await letGo(service, id);
    const cell = await service.run(id, 'x.append(3); y is x, twice(2)');
    expect(cell.result.error).toBeNull();
    expect([cell.continuity, value(cell)]).toEqual(['restored', '(True, 6)']);
    expect(cell.restored).toMatchObject({ kernel: 'python', isBehind: false, loss: null });
    expect(cell.restored!.report!.lost).toMatchObject([{ name: 'gen', type: 'generator' }]);
    const next = await service.run(id, 'x');
    expect([next.continuity, value(next), next.restored]).toEqual(['continued', '[1, 2, 3]', undefined]);
  });

  it('are saved before short memory costs their sandboxes, and come back', async () => {
    const service = await start();
    const ids: string[] = [];
    for (let n = 0; n < 4; n++) {
      const { id } = await service.sessions.create(ann, {});
      ids.push(id);
      await service.run(id, `x = ${n}`);
    }
    // One of them is saved already, by its own user.
    await service.states.save(ann, ids[3]!);
    const states = async () => Promise.all(ids.map(async (id) => (await service.sessions.get(ann, id)).state));
    service.start();
    service.availableMemory = 900;
    await service.sweep();
    // What is saved goes at once; the others get the time to be saved first.
    expect((await states())[3]).toBe('dormant');
    const areSaved = async () =>
      (await Promise.all(ids.map((id) => service.states.list(ann, id)))).every((list) =>
        list.some(({ state, isBehind }) => state === 'saved' && !isBehind),
      );
    await expect.poll(areSaved, { timeout: 20_000 }).toBe(true);
    await service.sweep();
    expect(await states()).toEqual(Array(4).fill('dormant'));
    service.availableMemory = Number.MAX_SAFE_INTEGER;
    for (const [n, id] of ids.entries()) {
      const cell = await service.run(id, 'x');
      expect([cell.continuity, value(cell)]).toEqual(['restored', String(n)]);
    }
  });

  it('do not wait for that where memory is nearly gone', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'x = 1');
    service.availableMemory = 400;
    await service.sweep();
    expect(await service.sessions.get(ann, id)).toMatchObject({ state: 'dormant' });
  });

  it.each([
    ['javascript', 'globalThis.x = 41', 'x + 1', '42'],
    ['bash', 'x=41', 'echo $((x + 1))', undefined],
  ])('of %s come back when its sandbox is gone', async (language, make, use, shown) => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, make, { language });
    await service.states.save(ann, id);
    const live = await service.run(id, use, { language });
    expect(live.continuity).toBe('continued');
    await letGo(service, id);
    const back = await service.run(id, use, { language });
    expect(back).toMatchObject({ continuity: 'restored', restored: { kernel: language, loss: null } });
    for (const cell of [live, back]) {
      if (shown) expect(value(cell)).toBe(shown);
      else expect(cell.result.stdout.text).toBe('42\n');
    }
  });

  it('take no more than their bound: what is beyond it is lost by name', async () => {
    const service = await start({ stateBytes: 300_000 });
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'small = 41\nlarge = b"x" * 5_000_000');
    const saved = await service.states.save(ann, id);
    expect(saved.at(-1)!.bytes).toBeLessThan(300_000);
    await letGo(service, id);
    const cell = await service.run(id, 'small + 1');
    expect([cell.continuity, value(cell)]).toEqual(['restored', '42']);
    expect(cell.restored!.report!.lost).toMatchObject([{ name: 'large' }]);
  });

  it('that take too long to give back are lost with the reason, and the code runs without them', async () => {
    const service = await start({ stateRestoreMs: 1000 });
    const { id } = await service.sessions.create(ann, {});
    // It loads at once while it is saved, and not when the file is there.
    const load = 'os.system("test ! -e /mnt/data/slow || sleep 20"); self.__dict__.update(state)';
    const slow = ['import os', 'class Slow:', `  def __setstate__(self, state): ${load}`, 'x = Slow()', 'x.m = 2'];
    await service.run(id, slow.join('\n'));
    await service.states.save(ann, id);
    const content = (async function* () {
      yield Buffer.from('x');
    })();
    await service.sessions.putFile(ann, id, { name: 'slow', contentType: '', content, source: 'user' });
    await letGo(service, id);
    const cell = await service.run(id, '6 * 7');
    expect([cell.result.outcome, value(cell)]).toEqual(['completed', '42']);
    expect(cell.restored).toMatchObject({ report: null, loss: { reason: 'deadline' } });
  });

  it('are forgotten by a restart, and belong to no other principal', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'x = 1');
    await service.states.save(ann, id);
    await expect(service.states.list(bob, id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(service.states.discard(bob, id)).rejects.toMatchObject({ code: 'not_found' });
    await service.sessions.restart(ann, id);
    expect(await service.states.list(ann, id)).toEqual([]);
    const cell = await service.run(id, '"x" in dir()');
    expect([value(cell), cell.restored]).toEqual(['False', undefined]);
  });

  it('go with a fork, and both go their own ways', async () => {
    const service = await start();
    const { id } = await service.sessions.create(ann, {});
    await service.run(id, 'x = [1]');
    const fork = await service.sessions.fork(ann, id, {});
    const other = await service.sessions.fork(ann, id, { execution: 'unknown' });
    expect([fork.variables, other.variables]).toEqual(['variables', 'not_at_execution']);
    const theirs = await service.run(fork.id, 'x.append(2); x');
    expect([theirs.continuity, value(theirs)]).toEqual(['restored', '[1, 2]']);
    expect(value(await service.run(id, 'x.append(3); x'))).toBe('[1, 3]');
    await service.sessions.delete(ann, id);
    await letGo(service, fork.id);
  });
});
