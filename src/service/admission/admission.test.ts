import { describe, expect, it } from 'vitest';
import { Admission } from './admission.ts';

const many = { running: undefined, waiting: 10 };
const one = { running: undefined, waiting: 1 };
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('Admission', () => {
  it('keeps a place for another principal', async () => {
    const admission = new Admission({ places: 4, waitMs: 1000 });
    for (let i = 0; i < 3; i++) await admission.enter('greedy', many);
    const fourth = admission.enter('greedy', many);
    await settled();
    expect(admission).toMatchObject({ running: 3, waiting: 1 });
    const leave = await admission.enter('other', many);
    expect(admission.running).toBe(4);
    leave();
    await settled();
    // The place that is free again is still not the greedy one's.
    expect(admission).toMatchObject({ running: 3, waiting: 1 });
    void fourth.catch(() => {});
  });

  it('gives what is free at once by the same rules, and takes it back once', async () => {
    const admission = new Admission({ places: 2, waitMs: 1000 });
    const { signal } = new AbortController();
    const place = admission.takeFree('a', many, () => signal)!;
    expect(admission.takeFree('a', many, () => signal)).toBeUndefined();
    expect(admission.takeFree('b', many, () => signal)).toBeDefined();
    expect(admission.takeFree('c', many, () => signal)).toBeUndefined();
    place.lend();
    place.leave();
    expect(admission.running).toBe(1);
    expect(admission.takeFree('c', many, () => signal)).toBeDefined();
  });

  it('gives a principal its part of a share that several gateways give, and all places as there are more', async () => {
    let [places, gateways] = [8, 2];
    const admission = new Admission({ places: () => places, gateways: () => gateways, waitMs: 1000 });
    const three = { running: 3, waiting: 4 };
    const leaves = [await admission.enter('a', three), await admission.enter('a', three)];
    const waiting = [1, 2].map(() => admission.enter('a', three));
    await expect(admission.enter('a', three)).rejects.toMatchObject({ code: 'rate_limited' });
    expect(admission).toMatchObject({ running: 2, waiting: 2 });
    [places, gateways] = [16, 1];
    leaves[0]!();
    await Promise.all(waiting);
    expect(admission).toMatchObject({ running: 3, waiting: 0 });
  });

  it('serves the principals in turn', async () => {
    const admission = new Admission({ places: 2, waitMs: 1000 });
    const order: string[] = [];
    const leaves = [await admission.enter('x', many), await admission.enter('y', many)];
    for (const name of ['a', 'a', 'a', 'b', 'c']) {
      void admission.enter(name, many).then((leave) => {
        order.push(name);
        leaves.push(leave);
      });
    }
    await settled();
    while (leaves.length > 0) {
      leaves.shift()!();
      await settled();
    }
    expect(order).toEqual(['a', 'b', 'c', 'a', 'a']);
    expect(admission).toMatchObject({ running: 0, waiting: 0 });
  });

  it('refuses a full queue at once and a long wait at its end', async () => {
    const admission = new Admission({ places: 1, waitMs: 30 });
    await admission.enter('a', one);
    const waiting = admission.enter('a', one);
    await expect(admission.enter('a', one)).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 });
    await expect(waiting).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(admission.waiting).toBe(0);
  });

  it('forgets who goes away', async () => {
    const admission = new Admission({ places: 1, waitMs: 1000 });
    const leave = await admission.enter('a', one);
    const gone = new AbortController();
    const waiting = admission.enter('b', one, gone.signal);
    gone.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    leave();
    leave();
    expect(admission).toMatchObject({ running: 0, waiting: 0 });
    await expect(admission.enter('c', one, gone.signal)).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('gives everyone the share of their plan', async () => {
    const admission = new Admission({ places: 4, waitMs: 1000 });
    const single = { running: 1, waiting: 1 };
    const all = { running: 4, waiting: 0 };
    const leave = await admission.enter('small', single);
    const second = admission.enter('small', single);
    await expect(admission.enter('small', single)).rejects.toMatchObject({ code: 'rate_limited' });
    for (let i = 0; i < 3; i++) await admission.enter('large', all);
    await expect(admission.enter('large', all)).rejects.toMatchObject({ code: 'rate_limited' });
    leave();
    (await second)();
    await admission.enter('large', all);
    expect(admission).toMatchObject({ running: 4, waiting: 0 });
  });
});
