import { expect, it } from 'vitest';
import { memoryRecords } from '../../../test/support/records.ts';
import { Drafts } from './drafts.ts';

const ann = { id: 'ann', tenant: 't', name: 'ann' };
const bob = { id: 'bob', tenant: 't', name: 'bob' };

function drafts() {
  let now = 1000;
  const made = new Drafts({ documents: memoryRecords().documents, retentionMs: 5000, now: () => now });
  return {
    drafts: made,
    wait: (ms: number) => {
      now += ms;
    },
  };
}

it('counts revisions, and refuses a writer that has read an earlier one', async () => {
  const { drafts: all } = drafts();
  expect((await all.put(ann, 'chat', 'c', { content: 1, from: 0 })).revision).toBe(1);
  await expect(all.put(ann, 'chat', 'c', { content: 2, from: 0 })).rejects.toMatchObject({ code: 'conflict' });
  expect((await all.put(ann, 'chat', 'c', { content: 2, from: 1 })).revision).toBe(2);
  expect((await all.get(ann, 'chat', 'c'))?.content).toBe(2);
});

it('of two writers at once one is refused', async () => {
  const { drafts: all } = drafts();
  const both = await Promise.allSettled([1, 2].map((content) => all.put(ann, 'chat', 'c', { content, from: 0 })));
  expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
});

it('shows, changes and removes none of another principal', async () => {
  const { drafts: all } = drafts();
  await all.put(ann, 'chat', 'c', { content: 1 });
  expect(await all.get(bob, 'chat', 'c')).toBeUndefined();
  expect(await all.delete(bob, 'chat', 'c')).toBe(false);
  await expect(all.put(bob, 'chat', 'c', { content: 2 })).rejects.toMatchObject({ code: 'not_found' });
  expect((await all.list(bob, 'chat', { limit: 10, order: 'desc' })).drafts).toEqual([]);
});

it('ends after its time, which every write begins anew', async () => {
  const { drafts: all, wait } = drafts();
  await all.put(ann, 'chat', 'c', { content: 1 });
  wait(4000);
  await all.put(ann, 'chat', 'c', { content: 2 });
  wait(4000);
  expect((await all.get(ann, 'chat', 'c'))?.content).toBe(2);
  wait(1001);
  expect(await all.get(ann, 'chat', 'c')).toBeUndefined();
});
