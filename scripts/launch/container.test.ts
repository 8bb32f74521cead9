import { expect, it } from 'vitest';
import { containerIds, describeContainer } from './container.mjs';

const all = '         0          0 4294967295\n';
const pod = '         0    1000000      65536\n';
const capability = (...bits: number[]) => bits.reduce((set, bit) => set | (1n << BigInt(bit)), 0n);
const [chown, setgid, setuid, sysAdmin] = [0, 6, 7, 21];
const docker = { uid: 0, capabilities: capability(chown, setgid, setuid), uidMap: all, gidMap: all };

it('takes high ids where the container has all ids', () => {
  const range = { first: 2_000_000_000, count: 65_536 };
  expect(containerIds(docker)).toEqual({ service: 10_001, uids: range, gids: range });
});

it('takes the ids after the service where the container has few', () => {
  const range = { first: 10_002, count: 55_534 };
  expect(containerIds({ ...docker, uidMap: pod, gidMap: pod })).toEqual({ service: 10_001, uids: range, gids: range });
});

it.each([
  ['for an ordinary user', { uid: 1000 }],
  ['for root with the power of the host', { capabilities: capability(setgid, setuid, sysAdmin) }],
  ['for root without SETUID', { capabilities: capability(setgid) }],
  ['where the container has too few ids', { uidMap: '0 100000 10010\n' }],
  ['where the service has no id', { gidMap: '0 100000 1000\n' }],
])('finds nothing %s', (_, difference) => {
  expect(containerIds({ ...docker, ...difference })).toBeUndefined();
});

it('can describe this process', () => {
  expect(describeContainer()).toMatchObject({ uid: process.getuid!(), capabilities: expect.any(BigInt) });
});
