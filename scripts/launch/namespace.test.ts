import { expect, it } from 'vitest';
import { describeUser, subordinateIds } from './namespace.mjs';

const file = '# a comment\nroot:1:65536\nann:100000:65536\nbob:165536:1000\n1001:300000:70000\n';
const ann = { uid: 1000, name: 'ann', subuid: file, subgid: file, hasMappers: true };

it('finds the range of a user by name and by number', () => {
  const range = { first: 100_000, count: 65_536 };
  expect(subordinateIds(ann)).toEqual({ uids: range, gids: range });
  expect(subordinateIds({ ...ann, uid: 1001, name: 'carl' })?.uids).toEqual({ first: 300_000, count: 70_000 });
});

it('takes the longest of several', () => {
  const subuid = 'ann:1000000:5000\nann:2000000:100000\nann:3000000:6000\n';
  expect(subordinateIds({ ...ann, subuid })?.uids).toEqual({ first: 2_000_000, count: 100_000 });
});

it.each([
  ['for root', { uid: 0, name: 'root' }],
  ['for a user without a range', { uid: 1002, name: 'dora' }],
  ['for a range that is too short', { name: 'bob' }],
  ['where groups have no range', { subgid: '' }],
  ['where nothing can map it', { hasMappers: false }],
  ['for lines that are none', { subuid: 'ann\nann:x:y\nann:1:\n:::\n' }],
])('finds nothing %s', (_, difference) => {
  expect(subordinateIds({ ...ann, ...difference })).toBeUndefined();
});

it('can describe this user', () => {
  expect(describeUser()).toMatchObject({ uid: process.getuid!(), name: expect.any(String) });
});
