import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { delegationPrefix, describeHost } from './delegation.mjs';

const writable = mkdtempSync(join(tmpdir(), 'group-'));
writeFileSync(join(writable, 'cgroup.subtree_control'), '');
afterAll(() => rmSync(writable, { recursive: true }));

const user = { uid: 1000, ownGroup: '/sys/fs/cgroup/nobody.scope', hasSystemd: true, hasUserBus: true };

it('uses a scope of the user’s systemd', () => {
  expect(delegationPrefix(user)).toEqual([
    'systemd-run',
    '--user',
    '--scope',
    '--quiet',
    '--property=Delegate=yes',
    '--',
  ]);
});

it.each([
  ['for root', { uid: 0 }],
  ['where version 1 rules', { ownGroup: undefined }],
  ['without systemd', { hasSystemd: false }],
  ['without a user’s bus', { hasUserBus: false }],
  ['in a subtree that is the user’s already', { ownGroup: writable }],
])('asks for nothing %s', (_, difference) => {
  expect(delegationPrefix({ ...user, ...difference })).toEqual([]);
});

it('can describe this host', () => {
  expect(describeHost().uid).toBe(process.getuid!());
});
