import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { turnOf } from './turns.ts';

/** Notes who had a turn, and when the event loop turned. */
async function turns(owners: readonly string[]): Promise<string[]> {
  const had: string[] = [];
  const all = Promise.all(owners.map((owner) => turnOf(owner).then(() => had.push(owner))));
  let isOver = false;
  all.then(() => {
    isOver = true;
  });
  for (await setImmediate(); !isOver; await setImmediate()) had.push('|');
  return had;
}

it('gives one turn of the event loop to one piece of work', async () => {
  expect((await turns(['a', 'b', 'c'])).join('')).toMatch(/^\|?a\|b\|c\|?$/);
});

it('lets owners take turns, however many pieces one of them has', async () => {
  const had = (await turns(['a', 'a', 'a', 'a', 'b', 'c', 'c'])).filter((each) => each !== '|');
  expect(had).toEqual(['a', 'b', 'c', 'a', 'c', 'a', 'a']);
});

it('gives a turn also to who asks in one', async () => {
  await turnOf('a');
  await Promise.all([turnOf('a'), turnOf('b').then(() => turnOf('b'))]);
});
