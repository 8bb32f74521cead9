import { describe, expect, it } from 'vitest';
import { Admission } from './admission.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('Admission', () => {
  it('keeps a place for somebody else', async () => {
    const admission = new Admission({ places: 4, queuePerPrincipal: 10, waitMs: 1000 });
    for (let i = 0; i < 3; i++) await admission.enter('greedy');
    const fourth = admission.enter('greedy');
    await settled();
    expect(admission).toMatchObject({ running: 3, waiting: 1 });
    const leave = await admission.enter('other');
    expect(admission.running).toBe(4);
    leave();
    await settled();
    // The place that is free again is still not the greedy one's.
    expect(admission).toMatchObject({ running: 3, waiting: 1 });
    void fourth.catch(() => {});
  });

  it('serves the principals in turn', async () => {
    const admission = new Admission({ places: 2, queuePerPrincipal: 10, waitMs: 1000 });
    const order: string[] = [];
    const leaves = [await admission.enter('x'), await admission.enter('y')];
    for (const name of ['a', 'a', 'a', 'b', 'c']) {
      void admission.enter(name).then((leave) => {
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
    const admission = new Admission({ places: 1, queuePerPrincipal: 1, waitMs: 30 });
    await admission.enter('a');
    const waiting = admission.enter('a');
    await expect(admission.enter('a')).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 });
    await expect(waiting).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(admission.waiting).toBe(0);
  });

  it('forgets who goes away', async () => {
    const admission = new Admission({ places: 1, queuePerPrincipal: 1, waitMs: 1000 });
    const leave = await admission.enter('a');
    const gone = new AbortController();
    const waiting = admission.enter('b', gone.signal);
    gone.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    leave();
    leave();
    expect(admission).toMatchObject({ running: 0, waiting: 0 });
    await expect(admission.enter('c', gone.signal)).rejects.toMatchObject({ code: 'cancelled' });
  });
});
