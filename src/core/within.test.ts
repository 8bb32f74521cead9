import { expect, it } from 'vitest';
import { within } from './within.ts';

it('gives what comes in time, nothing for what does not, and passes on a failure', async () => {
  expect(await within(Promise.resolve(7), 60_000)).toBe(7);
  const { promise, resolve } = Promise.withResolvers<number>();
  expect(await within(promise, 1)).toBeUndefined();
  resolve(8);
  expect(await within(promise, 60_000)).toBe(8);
  await expect(within(Promise.reject(new Error('fault')), 60_000)).rejects.toThrow('fault');
});
