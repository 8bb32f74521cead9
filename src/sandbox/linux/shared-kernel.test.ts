import { expect, it } from 'vitest';
import { sharedKernel } from './shared-kernel.ts';

const rows = (release: string, files: Readonly<Record<string, string>>) =>
  sharedKernel({ release, read: (file) => files[file] });

it('tells how much memory the TCP sockets of all sandboxes share', () => {
  const [small] = rows('6.18.0', { '/proc/sys/net/ipv4/tcp_mem': '1000\t2000\t3000' });
  expect(small).toMatchObject({ state: 'absent', detail: expect.stringContaining('12 MiB') });
  const [large] = rows('6.18.0', { '/proc/sys/net/ipv4/tcp_mem': '287901\t383868\t575802' });
  expect(large).toMatchObject({ state: 'present', detail: expect.stringContaining('2249 MiB') });
});

it.each([
  ['6.18.44-fc', '/sbin/modprobe', 'present'],
  ['6.1.0-30-amd64', undefined, 'present'],
  ['6.1.0-30-amd64', '/sbin/modprobe', 'absent'],
] as const)('on Linux %s with kernel.modprobe %s: %s', (release, modprobe, state) => {
  const [, row] = rows(release, modprobe ? { '/proc/sys/kernel/modprobe': modprobe } : {});
  expect(row).toMatchObject({ name: 'modprobe on exec', state });
});
