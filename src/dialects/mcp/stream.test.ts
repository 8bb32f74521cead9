import { expect, test } from 'vitest';
import { framesOf, Latest } from './stream.ts';

const dataOf = async (frames: AsyncIterable<{ data: unknown }>) => {
  const list: unknown[] = [];
  for await (const { data } of frames) list.push(data);
  return list;
};

test('notifications come before the answer, and none after it', async () => {
  const notes = new Latest<object>();
  const answer = Promise.withResolvers<object | undefined>();
  const seen = dataOf(framesOf(answer.promise, notes, new AbortController().signal));
  notes.set({ n: 1 });
  await Promise.resolve();
  await new Promise(setImmediate);
  answer.resolve({ id: 1 });
  await answer.promise;
  notes.set({ n: 2 });
  expect(await seen).toEqual([{ n: 1 }, { id: 1 }]);
});

test('a reader that lags behind gets the latest notification', async () => {
  const notes = new Latest<object>();
  notes.set({ n: 1 });
  notes.set({ n: 2 });
  expect(await notes.take()).toEqual({ n: 2 });
});

test('a cancelled request has no answer', async () => {
  expect(await dataOf(framesOf(Promise.resolve(undefined), new Latest(), new AbortController().signal))).toEqual([]);
});

test('a client that leaves ends the stream', async () => {
  const gone = new AbortController();
  const seen = dataOf(framesOf(new Promise(() => {}), new Latest(), gone.signal));
  gone.abort();
  expect(await seen).toEqual([]);
});
