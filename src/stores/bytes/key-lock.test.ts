import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { KeyLock } from './key-lock.ts';

it('runs the tasks of one key one after another, in the order they came', async () => {
  const lock = new KeyLock();
  const log: string[] = [];
  const task = (name: string, ms: number) => async () => {
    log.push(`${name} begins`);
    await sleep(ms);
    log.push(`${name} ends`);
    return name;
  };
  const results = await Promise.all([
    lock.run('k', task('a', 10)),
    lock.run('k', task('b', 0)),
    lock.run('k', task('c', 5)),
  ]);
  expect(results).toEqual(['a', 'b', 'c']);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

it('lets the tasks of other keys pass', async () => {
  const lock = new KeyLock();
  const blocked = Promise.withResolvers<void>();
  const first = lock.run('k', () => blocked.promise);
  expect(await lock.run('other', async () => 'passed')).toBe('passed');
  blocked.resolve();
  await first;
});

it('goes on after a task that fails, and forgets keys that are done', async () => {
  const lock = new KeyLock();
  const failing = lock.run('k', () => Promise.reject(new Error('fault')));
  const next = lock.run('k', async () => 'next');
  expect(lock.size).toBe(1);
  await expect(failing).rejects.toThrow('fault');
  expect(await next).toBe('next');
  expect(lock.size).toBe(0);
});
