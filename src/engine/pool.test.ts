import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import { ScriptedBackend, type ScriptedBackendOptions } from '../sandbox/fixtures/scripted-backend.ts';
import { catalogue, limits, quiet } from './fixtures/scripted-engine.ts';
import { Pool } from './pool.ts';
import type { SandboxKind } from './runtimes.ts';

const kind = catalogue.sessionKind('python');
/** Whose template has a warm-up, and in whose sandboxes the program runs that waits there. */
const data = catalogue.kinds.find(({ template, park }) => template === 'data' && park === 'python')!;
/** In whose sandboxes a program of the image waits. */
const large = catalogue.kinds.find(({ park }) => park === 'node')!;
const usual = { kind, limits, owner: 'ann' };

interface StartOptions extends ScriptedBackendOptions {
  readonly size?: number;
  readonly restMs?: number;
  readonly kinds?: readonly SandboxKind[];
}

function start({ size = 2, restMs, kinds = [kind], ...options }: StartOptions = {}) {
  const backend = new ScriptedBackend(options);
  const pool = new Pool({ backend, catalogue: { ...catalogue, kinds }, size, restMs, limits, logger: quiet });
  onTestFinished(() => pool.close());
  return { backend, pool };
}

/** A pool whose kind is in use: the first sandbox that was made is taken. */
async function startInUse(options: Parameters<typeof start>[0] = {}) {
  const started = start(options);
  started.pool.start();
  await started.pool.lease({ ...usual, kind: options.kinds?.[0] ?? kind });
  await parked(started.pool, options.size ?? 2);
  return started;
}
const parked = (pool: Pool, count: number) => eventually(() => expect(Object.values(pool.parked())).toEqual([count]));

describe('Pool', () => {
  it('parks one sandbox of each kind, and as many as it should of a kind in use, under the usual limits and without an owner', async () => {
    const { backend, pool } = start({ size: 3 });
    pool.start();
    await parked(pool, 1);
    expect(backend.made).toHaveLength(1);
    await pool.lease(usual);
    await parked(pool, 3);
    expect(backend.made).toHaveLength(4);
    for (const { request } of backend.made) expect(request).toMatchObject({ limits, owner: undefined });
  });

  it('keeps one that is not warmed of a kind that was not asked for in a while', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { backend, pool } = start({ size: 3, restMs: 10_000, kinds: [data] });
    pool.start();
    await vi.advanceTimersByTimeAsync(100);
    await pool.lease({ ...usual, kind: data });
    await vi.advanceTimersByTimeAsync(9_000);
    expect(Object.values(pool.parked())).toEqual([3]);
    await pool.lease({ ...usual, kind: data });
    await vi.advanceTimersByTimeAsync(9_000);
    expect(Object.values(pool.parked())).toEqual([3]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(Object.values(pool.parked())).toEqual([1]);
    expect(backend.live).toBe(3);
    const [left] = backend.made.filter(({ ended, calls }) => !ended && !calls.includes('adopt'));
    expect(left!.orders).toEqual([]);
  });

  it('parks none of a large kind until it is asked for, then half as many as of others, and none once it is at rest again', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { backend, pool } = start({ size: 4, restMs: 10_000, kinds: [large] });
    pool.start();
    await vi.advanceTimersByTimeAsync(1000);
    expect(backend.made).toEqual([]);
    await pool.lease({ ...usual, kind: large });
    await vi.advanceTimersByTimeAsync(1000);
    expect(Object.values(pool.parked())).toEqual([2]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(Object.values(pool.parked())).toEqual([0]);
    expect(backend.live).toBe(1);
    expect(pool.lacking()).toBeUndefined();
  });

  it('makes a sandbox of a large kind for a request before it parks another', async () => {
    const gates: (() => void)[] = [];
    const onCreate = () => new Promise<void>((resolve) => gates.push(resolve));
    const { pool } = start({ size: 4, kinds: [large], onCreate });
    const lease = pool.lease({ ...usual, kind: large });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(gates).toHaveLength(1);
    gates.shift()!();
    await lease;
    for (let ahead = 0; ahead < 2; ahead++) {
      await eventually(() => expect(gates).toHaveLength(1));
      gates.shift()!();
    }
    await parked(pool, 2);
  });

  it('hands out a parked sandbox, adopted by its owner, and makes another', async () => {
    const { backend, pool } = await startInUse();
    const sandbox = await pool.lease(usual);
    expect(backend.made.find(({ id }) => id === sandbox.id)).toMatchObject({ owner: 'ann', calls: ['adopt'] });
    expect(Object.values(pool.parked())).toEqual([1]);
    await parked(pool, 2);
    expect(backend.made).toHaveLength(4);
  });

  it('adjusts a parked sandbox to limits that the backend can change', async () => {
    const { backend, pool } = await startInUse();
    const { id } = await pool.lease({ ...usual, limits: { ...limits, memoryBytes: 1000 } });
    expect(backend.made.find((sandbox) => sandbox.id === id)!.limits.memoryBytes).toBe(1000);
    expect(Object.values(pool.parked())).toEqual([1]);
  });

  it('has a sandbox made for limits that the backend cannot change, for this owner', async () => {
    const { backend, pool } = await startInUse({ traits: { adjustable: [] } });
    await pool.lease({ ...usual, limits: { ...limits, memoryBytes: 1000 } });
    expect(backend.made.at(-1)!.request).toMatchObject({ limits: { memoryBytes: 1000 }, owner: 'ann' });
    expect(Object.values(pool.parked())).toEqual([2]);
  });

  it('destroys a sandbox that its owner cannot adopt', async () => {
    const { backend, pool } = await startInUse();
    for (const sandbox of backend.made) sandbox.adopt = () => Promise.reject(new Error('no'));
    await expect(pool.lease(usual)).rejects.toThrow('no');
    expect(backend.made.filter(({ ended }) => ended)).toHaveLength(1);
  });

  it('makes a sandbox for a request that waits before it parks any', async () => {
    const gates: (() => void)[] = [];
    const { pool } = start({ onCreate: () => new Promise<void>((resolve) => gates.push(resolve)) });
    const leases = [pool.lease(usual), pool.lease(usual), pool.lease(usual)];
    await eventually(() => expect(gates).toHaveLength(2));
    gates.shift()!();
    await leases[0];
    await eventually(() => expect(gates).toHaveLength(2));
    for (const go of gates) go();
    await leases[1];
    await leases[2];
    expect(Object.values(pool.parked())).toEqual([0]);
    for (const go of gates) go();
  });

  it('makes two at a time for requests that wait, and one ahead of need', async () => {
    const gates: (() => void)[] = [];
    const onCreate = () => new Promise<void>((resolve) => gates.push(resolve));
    const { pool } = start({ size: 4, kinds: [data], onCreate });
    const leases = [1, 2, 3].map(() => pool.lease({ ...usual, kind: data }));
    const opened = async (count: number) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(gates).toHaveLength(count);
      for (const go of gates.splice(0)) go();
    };
    await opened(2);
    await opened(1);
    await Promise.all(leases);
    for (let ahead = 0; ahead < 4; ahead++) await opened(1);
    await parked(pool, 4);
  });

  it('starts one kernel ahead when a session begins, and more only when that one is past its first cells', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { backend, pool } = start({ size: 4 });
    pool.start();
    await vi.advanceTimersByTimeAsync(100);
    await pool.lease(usual);
    await vi.advanceTimersByTimeAsync(300);
    expect(Object.values(pool.parked())).toEqual([1]);
    await vi.advanceTimersByTimeAsync(300);
    expect(Object.values(pool.parked())).toEqual([4]);
    // Sessions that begin at once have sandboxes made for them.
    await Promise.all(Array.from({ length: 6 }, () => pool.lease(usual)));
    await vi.advanceTimersByTimeAsync(300);
    expect(Object.values(pool.parked())).toEqual([1]);
    // One that begins meanwhile does not keep the others from being made.
    await pool.lease(usual);
    await vi.advanceTimersByTimeAsync(300);
    expect(Object.values(pool.parked())).toEqual([4]);
    expect(backend.made).toHaveLength(12);
  });

  it('makes another sandbox for a request whose one was lost while it was made', async () => {
    let lost = 1;
    const { pool } = start({
      onCreate() {
        if (lost-- > 0) throw new Error('killed');
      },
    });
    expect((await pool.lease(usual)).ended).toBe(false);
    expect(pool.lacking()).toBeUndefined();
  });

  it('tells a request that waits why no sandbox can be made, and reports the kind as lacking until one can', async () => {
    let isBroken = true;
    const { pool } = start({
      onCreate: () => {
        if (isBroken) throw new Error('no memory');
      },
    });
    await expect(pool.lease(usual)).rejects.toThrow('no memory');
    expect(pool.lacking()).toBe('kernel+python');
    isBroken = false;
    await parked(pool, 2);
    expect(pool.lacking()).toBeUndefined();
  });

  it('replaces parked sandboxes that die, and hands out none that is dead', async () => {
    const { backend, pool } = await startInUse();
    for (const sandbox of backend.made) sandbox.exit();
    const { id } = await pool.lease(usual);
    expect(backend.made.find((sandbox) => sandbox.id === id)!.ended).toBe(false);
    await eventually(() => expect(backend.made.filter(({ ended }) => !ended)).toHaveLength(3));
    await parked(pool, 2);
  });

  it('warms the sandboxes at the front of a kind in use once, in a quiet moment, where forks are the warm unit', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    for (const [warmUnit, warmedKind, count] of [
      ['fork', data, 2],
      ['fork', kind, 0],
      ['snapshot', data, 0],
    ] as const) {
      const { backend, pool } = start({ size: 3, traits: { warmUnit }, kinds: [warmedKind] });
      pool.start();
      const warmed = () => backend.made.filter(({ orders }) => orders.some(({ op }) => op === 'warm'));
      await vi.advanceTimersByTimeAsync(1000);
      expect(warmed()).toEqual([]);
      await pool.lease({ ...usual, kind: warmedKind });
      await vi.advanceTimersByTimeAsync(1000);
      await vi.advanceTimersByTimeAsync(1000);
      expect(warmed()).toHaveLength(count);
      for (const { orders } of warmed()) expect(orders).toHaveLength(1);
    }
  });

  it('has the kernel of a session started before its first cell, and its sandbox serving', async () => {
    for (const [language, start] of [
      ['python', { module: 'dragoman_python.serve' }],
      ['bash', { script: '/opt/dragoman/runtimes/bash/kernel.py' }],
      [undefined, undefined],
    ] as const) {
      const { backend, pool } = await startInUse({ kinds: [catalogue.sessionKind(language)] });
      await pool.lease({ ...usual, kind: catalogue.sessionKind(language) });
      const asked = backend.made.find(({ owner }) => owner === 'ann')!.orders;
      expect(asked[0]).toEqual({ op: 'serve', bulk: true });
      const kernel = { op: 'kernel', token: expect.any(String), kernel: language, start, folder: '/mnt/data' };
      expect(asked.slice(1)).toEqual(start ? [kernel] : []);
    }
  });

  it('lets kernels that are programs of the image start behind everything else, until somebody needs one', async () => {
    const program = catalogue.sessionKind('javascript');
    const { backend, pool } = start({ kinds: [program] });
    pool.start();
    await parked(pool, 0);
    await pool.lease({ ...usual, kind: program });
    await parked(pool, 1);
    expect(backend.made.map(({ calls }) => calls)).toEqual([['background', 'adopt', 'foreground'], ['background']]);
  });

  it('parks a session at rest in the language most begin with, and no other', async () => {
    const kinds = ['python', 'javascript', 'bash', undefined].map((language) => catalogue.sessionKind(language));
    const { pool } = start({ kinds });
    pool.start();
    await eventually(() => expect(pool.parked()['kernel+python']).toBe(1));
    await pool.lease({ ...usual, kind: kinds[2]! });
    await eventually(() => expect(pool.parked()).toMatchObject({ 'kernel+python': 1, 'kernel+bash': 2 }));
    expect(pool.parked()).toMatchObject({ kernel: 0, 'kernel+javascript': 0 });
  });

  it('hands out a session whose kernel could not be started: its first cell is told why', async () => {
    const { pool } = start({
      intercept(frame, guest) {
        if (frame.op !== 'kernel') return false;
        void guest.claim({ claim: 'fault', message: 'no' });
        void guest.claim({ claim: 'done', token: frame.token, code: 1, signal: null, interpreter: 'none' });
        return true;
      },
    });
    expect((await pool.lease(usual)).ended).toBe(false);
  });

  it('destroys a sandbox whose supervisor ends while it starts a kernel, and makes another', async () => {
    let lost = 1;
    const { backend, pool } = start({
      intercept(frame, guest) {
        if (frame.op !== 'kernel' || lost-- <= 0) return false;
        guest.exit();
        return true;
      },
    });
    expect((await pool.lease(usual)).ended).toBe(false);
    await eventually(() => expect(backend.made[0]!.calls).toContain('destroy'));
  });

  it('makes sandboxes for owners in turn: one that asks for many waits for itself', async () => {
    const { pool } = start({ onCreate: () => new Promise((resolve) => setTimeout(resolve, 5)) });
    const served: string[] = [];
    const owners = ['ann', 'ann', 'ann', 'ann', 'bob'];
    await Promise.all(owners.map((owner) => pool.lease({ ...usual, owner }).then(() => served.push(owner))));
    expect(served).toEqual(['ann', 'bob', 'ann', 'ann', 'ann']);
  });

  it('refuses requests once it is closed, also those that wait, and destroys what it had', async () => {
    const { backend, pool } = start({ onCreate: () => new Promise((resolve) => setTimeout(resolve, 20)) });
    const waiting = pool.lease(usual);
    const closed = pool.close();
    await expect(waiting).rejects.toMatchObject({ code: 'shutting_down' });
    await closed;
    await expect(pool.lease(usual)).rejects.toMatchObject({ code: 'shutting_down' });
    await eventually(() => expect(backend.made.length).toBeGreaterThan(0));
    await eventually(() => expect(backend.live).toBe(0));
  });
});
