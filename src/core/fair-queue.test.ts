import { expect, it } from 'vitest';
import { FairQueue } from './fair-queue.ts';

function filled(...items: readonly string[]): FairQueue<string> {
  const queue = new FairQueue<string>();
  for (const item of items) queue.push(item[0]!, item);
  return queue;
}

it('serves owners in turn, each in its order', () => {
  const queue = filled('a1', 'a2', 'a3', 'b1', 'c1', 'b2');
  expect([...queue.inTurn()]).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  const served: (string | undefined)[] = [];
  while (queue.size > 0) served.push(queue.shift());
  expect(served).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  expect(queue.shift()).toBeUndefined();
});

it('sends an owner that was served to the end', () => {
  const queue = filled('a1', 'a2', 'b1');
  expect(queue.shift()).toBe('a1');
  queue.push('c', 'c1');
  expect([...queue.inTurn()]).toEqual(['b1', 'a2', 'c1']);
});

it('takes out the next that is wanted, and leaves the others where they are', () => {
  const queue = filled('a1', 'a2', 'b2', 'b1');
  expect(queue.shift((item) => item.endsWith('2'))).toBe('a2');
  expect([...queue.inTurn()]).toEqual(['b2', 'a1', 'b1']);
  expect(queue.shift((item) => item.endsWith('3'))).toBeUndefined();
  expect(queue.size).toBe(3);
});
