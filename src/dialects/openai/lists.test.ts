import { expect, it } from 'vitest';
import { pageFrom, pageOf } from './lists.ts';

const all = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id }));

it('visits everything once, page by page, in both orders', () => {
  for (const order of ['asc', 'desc'] as const) {
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = pageFrom(all, pageOf({ limit: 2, order, after }));
      seen.push(...page.data.map(({ id }) => id));
      if (!page.has_more) break;
      expect(page.last_id).toBe(page.data.at(-1)!.id);
      after = page.last_id!;
    }
    expect(seen).toEqual((order === 'asc' ? all : all.toReversed()).map(({ id }) => id));
  }
});

it('begins with the newest', () => {
  expect(pageFrom(all, pageOf({})).first_id).toBe('e');
});

it('ends at a cursor it does not know, and when there is nothing', () => {
  const empty = { object: 'list', data: [], first_id: null, last_id: null, has_more: false };
  expect(pageFrom(all, pageOf({ after: 'z' }))).toEqual(empty);
  expect(pageFrom([], pageOf({}))).toEqual(empty);
});
