import { expect, test } from 'vitest';
import { sandboxPolicy, syscalls } from './policy.ts';

const policy = sandboxPolicy();
const groups = [...policy.allow, ...policy.refuse, ...policy.inspect];

test.each(['x64', 'arm64'] as const)('every number of %s belongs to one call', (arch) => {
  const numbers = Object.values(syscalls).flatMap(({ [arch]: number }) => number ?? []);
  expect(numbers.length).toBeGreaterThan(300);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(numbers.every((number) => number >= 0 && number < 512)).toBe(true);
});

test('calls since 2019 have the same number on both architectures', () => {
  const recent = Object.entries(syscalls).filter(([, { x64, arm64 }]) => Math.max(x64 ?? 0, arm64 ?? 0) >= 424);
  expect(recent.length).toBe(47);
  for (const [call, { x64, arm64 }] of recent) expect(arm64, call).toBe(x64);
});

test.each([
  ['read', 0, 63],
  ['mmap', 9, 222],
  ['clone', 56, 220],
  ['execve', 59, 221],
  ['openat', 257, 56],
  ['newfstatat', 262, 79],
  ['seccomp', 317, 277],
  ['rseq', 334, 293],
  ['clone3', 435, 435],
  ['mseal', 462, 462],
])('%s is %i on x86-64 and %i on arm64', (call, x64, arm64) => {
  expect(syscalls[call]).toEqual({ x64, arm64 });
});

test('only calls that arm64 never had are missing there', () => {
  const missing = Object.keys(syscalls).filter((call) => syscalls[call]!.arm64 === null);
  expect(missing.sort()).toEqual(
    [
      ...[
        '_sysctl',
        'access',
        'afs_syscall',
        'alarm',
        'arch_prctl',
        'chmod',
        'chown',
        'creat',
        'create_module',
        'dup2',
      ],
      ...['epoll_create', 'epoll_ctl_old', 'epoll_wait', 'epoll_wait_old', 'eventfd', 'fork', 'futimesat'],
      ...['get_kernel_syms', 'get_thread_area', 'getdents', 'getpgrp', 'getpmsg', 'inotify_init', 'ioperm', 'iopl'],
      ...['lchown', 'link', 'lstat', 'mkdir', 'mknod', 'modify_ldt', 'open', 'pause', 'pipe', 'poll', 'putpmsg'],
      ...['query_module', 'readlink', 'rename', 'rmdir', 'security', 'select', 'set_thread_area', 'signalfd', 'stat'],
      ...['symlink', 'sysfs', 'time', 'tuxcall', 'unlink', 'uprobe', 'uretprobe', 'uselib', 'ustat', 'utime', 'utimes'],
      ...['vfork', 'vserver'],
    ].sort(),
  );
  expect(Object.values(syscalls).every(({ x64 }) => x64 !== null)).toBe(true);
});

test('the policy decides every known call exactly once', () => {
  expect(groups.flatMap(({ calls }) => calls).sort()).toEqual(Object.keys(syscalls).sort());
});

test('every group has a name of its own and says why', () => {
  expect(new Set(groups.map(({ name }) => name)).size).toBe(groups.length);
  for (const { reason } of groups) expect(reason).toMatch(/^[A-Z].*\.$/);
});

test('calls whose numbers depend on the architecture are inspected alike', () => {
  const inspected = (call: string) => policy.inspect.find(({ calls }) => calls.includes(call))!.look;
  expect({ ...inspected('mknodat'), arg: 1 }).toEqual(inspected('mknod'));
});
