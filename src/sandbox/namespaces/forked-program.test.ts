import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ForkedProgram } from './forked-program.ts';
import type { ZygoteFamily } from './zygote-family.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => vi.useRealTimers());

/** A program whose zygotes load and end when the test says so. */
function program(onLoaded: () => Promise<void> = async () => {}) {
  const families: { load(): void; end(error?: Error): void; isClosed: boolean }[] = [];
  const faults: string[] = [];
  const forked = new ForkedProgram(
    (onEnd) => {
      const { promise: loaded, resolve: load, reject } = Promise.withResolvers<void>();
      loaded.catch(() => {});
      const family = {
        load,
        isClosed: false,
        end(error?: Error) {
          reject(error);
          onEnd([], error);
        },
        async close() {
          family.isClosed = true;
          family.end();
        },
        zygotes: [{ loaded, number: families.length }],
      };
      families.push(family);
      return family as unknown as ZygoteFamily;
    },
    onLoaded,
    (error) => faults.push(String(error)),
  );
  const take = () => (forked.take() as unknown as { number: number } | undefined)?.number;
  return { forked, take, families, faults, settle: () => vi.advanceTimersByTimeAsync(0) };
}

it('is loaded once somebody wants it, once, and kept until a minute after its last sandbox', async () => {
  const { forked, take, families, settle } = program();
  expect([take(), take(), families.length]).toEqual([undefined, undefined, 1]);
  families[0]!.load();
  await settle();
  expect([take(), take()]).toEqual([0, 0]);
  forked.release();
  await vi.advanceTimersByTimeAsync(120_000);
  expect([take(), families[0]!.isClosed]).toEqual([0, false]);
  for (let each = 0; each < 2; each++) forked.release();
  await vi.advanceTimersByTimeAsync(59_000);
  expect(families[0]!.isClosed).toBe(false);
  await vi.advanceTimersByTimeAsync(2000);
  expect(families[0]!.isClosed).toBe(true);
  expect([take(), families.length]).toEqual([undefined, 2]);
});

it('ends, too, when nobody wants it any more once it is loaded', async () => {
  const { take, families, settle } = program();
  take();
  families[0]!.load();
  await settle();
  await vi.advanceTimersByTimeAsync(61_000);
  expect(families[0]!.isClosed).toBe(true);
});

it('is loaded again at once where it has died, whatever becomes of the sandboxes of before', async () => {
  const { forked, take, families, faults, settle } = program();
  take();
  families[0]!.load();
  await settle();
  expect(take()).toBe(0);
  families[0]!.end();
  expect(take()).toBe(undefined);
  families[1]!.load();
  await settle();
  expect(take()).toBe(1);
  forked.release();
  families[0]!.end();
  await vi.advanceTimersByTimeAsync(61_000);
  expect([take(), families[1]!.isClosed, faults]).toEqual([1, false, []]);
});

it('that cannot be loaded is told, and tried again a minute later', async () => {
  const { take, families, faults, settle } = program();
  take();
  families[0]!.end(new Error('no memory'));
  await settle();
  expect([take(), families.length, faults]).toEqual([undefined, 1, ['Error: no memory']]);
  await vi.advanceTimersByTimeAsync(61_000);
  expect([take(), families.length]).toEqual([undefined, 2]);
  families[1]!.load();
  await settle();
  expect(take()).toBe(1);
});

it('that is loaded and cannot be used is ended and told', async () => {
  const { take, families, faults, settle } = program(async () => {
    throw new Error('no group');
  });
  take();
  families[0]!.load();
  await settle();
  expect([take(), families[0]!.isClosed, families.length, faults]).toEqual([undefined, true, 1, ['Error: no group']]);
});
