import { expect, it } from 'vitest';
import { firstSandboxUser, outsideUser, parseUserMap } from './user-map.ts';

const host = parseUserMap('         0          0 4294967295\n');
const ordinary = parseUserMap('         0       1000          1\n         1     100000      65536\n');

it('finds the wanted users on a host', () => {
  expect(firstSandboxUser(host, 2_000_000_000)).toBe(2_000_000_000);
  expect(outsideUser(host, 2_000_000_000)).toBe(2_000_000_000);
});

it('takes the end of the longest range where the wanted ones do not exist', () => {
  expect(firstSandboxUser(ordinary, 2_000_000_000)).toBe(65_536 - 4096 + 1);
  expect(firstSandboxUser(ordinary, 5000)).toBe(5000);
  expect(outsideUser(ordinary, 0)).toBe(1000);
  expect(outsideUser(ordinary, 61_441)).toBe(161_440);
  expect(outsideUser(ordinary, 65_537)).toBeUndefined();
});

it('needs all of them in a row, and root is none of them', () => {
  for (const map of ['0 1000 1', '0 1000 4096', '0 1000 1\n1 100000 4095'])
    expect(() => firstSandboxUser(parseUserMap(map), 2_000_000_000)).toThrow('4096 users in a row');
  expect(firstSandboxUser(parseUserMap('0 1000 1\n1 100000 4096'), 2_000_000_000)).toBe(1);
  expect(firstSandboxUser(parseUserMap('0 1000 4097'), 2_000_000_000)).toBe(1);
});
