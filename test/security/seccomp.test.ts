import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sandboxPolicy } from '../../src/sandbox/linux/seccomp/index.ts';
import { type Errno, errnos, syscalls } from '../../src/sandbox/linux/seccomp/policy.ts';
import { attacking } from './attack.ts';
import { arch, runFiltered } from './seccomp/sandbox.ts';

const source = (name: string) => readFileSync(new URL(`seccomp/${name}`, import.meta.url), 'utf8');
const timeout = 90_000;

describe('the filter in the kernel', attacking('calls'), () => {
  const high = 2 ** 32;

  test('answers each refused call as the policy says', { timeout }, async () => {
    const refused = sandboxPolicy()
      .refuse.flatMap(({ calls, errno }) => calls.map((call) => ({ call, errno, number: syscalls[call]![arch] })))
      .filter(({ number }) => number !== null);
    const answers = await probe(refused.map(({ number }) => [number!, [0, 0, 0, 0, 0, 0]]));
    expect(refused.map(({ call }, index) => [call, answers[index]])).toEqual(
      refused.map(({ call, errno }) => [call, errno]),
    );
  });

  test.each<[string, number[], Errno]>([
    ['clone', [0x10000000 + 17], 'EPERM'], // CLONE_NEWUSER
    ['clone', [0x40000000 + high + 17], 'EPERM'], // CLONE_NEWNET
    ['ioctl', [0, 0x5412, 0], 'EPERM'], // TIOCSTI
    ['ioctl', [0, 0x5412 + high, 0], 'EPERM'],
    ['ioctl', [0, 0x541c, 0], 'EPERM'], // TIOCLINUX
    ['ioctl', [0, 0x5423, 0], 'ENOTTY'], // TIOCSETD
    ['socket', [16, 3, 0], 'EOPNOTSUPP'],
    ['socket', [17, 3, 0], 'EAFNOSUPPORT'],
    ['socket', [38, 5, 0], 'EAFNOSUPPORT'],
    ['socket', [40, 1, 0], 'EAFNOSUPPORT'],
    ['socket', [2, 3, 1], 'EPERM'],
    ['socket', [2, 1, 132], 'EPROTONOSUPPORT'],
    ['socket', [2, 1, 0], 'OK'],
    ['fcntl', [1, 1031, 1 << 20], 'EPERM'], // F_SETPIPE_SZ
    ['fcntl', [1, 1031 + high, 1 << 20], 'EPERM'],
    ['fcntl', [0, 1026, 1], 'EINVAL'], // F_NOTIFY
    ['fcntl', [0, 8, 1], 'EPERM'], // F_SETOWN
    ['fcntl', [0, 8, 2 ** 32 - 1], 'EPERM'],
    ['ioctl', [0, 0x8902, 0], 'ENOTTY'], // SIOCSPGRP
    ['setpgid', [0, 1 + high], 'EPERM'],
    ['pidfd_open', [1, 0], 'EPERM'],
    ['prlimit64', [1, 7, 0, 0], 'EPERM'],
    ['prlimit64', [1 + high, 7, 0, 0], 'EPERM'],
    ['prlimit64', [0, 7, 0, 0], 'OK'],
    ['mmap', [0, 1 << 21, 3, 0x40022, 2 ** 64 - 1, 0], 'ENOMEM'], // MAP_HUGETLB
    ['prctl', [22, 2, 0], 'EINVAL'], // PR_SET_SECCOMP
    ['prctl', [53, 0, 2], 'EPERM'], // PR_SET_SPECULATION_CTRL
    ['prctl', [39, 0, 0, 0, 0], 'OK'],
    ['personality', [0xffff_ffff], 'OK'],
    ['personality', [8], 'EPERM'],
    ['sendto', [0, 0, 0, 1, 0, 0], 'EOPNOTSUPP'], // MSG_OOB
    ['sendmsg', [0, 0, 1 + high], 'EOPNOTSUPP'],
    ['sendmmsg', [0, 0, 0, 0x4001], 'EOPNOTSUPP'],
    ['recvfrom', [0, 0, 0, 1, 0, 0], 'EOPNOTSUPP'],
    ['recvmsg', [0, 0, 1], 'EOPNOTSUPP'],
    ['recvmmsg', [0, 0, 0, 1, 0], 'EOPNOTSUPP'],
    ['kill', [1, 9], 'OK'],
    ['kill', [1 + high, 9], 'OK'],
    ['tgkill', [1, 1, 9], 'OK'],
    ['rt_sigqueueinfo', [1, 9, 0], 'OK'],
    ['futex', [0, 11, 0, 0, 0, 0], 'ENOSYS'], // FUTEX_WAIT_REQUEUE_PI
    ['futex', [0, 12 + 128, 0, 0, 0, 0], 'ENOSYS'], // FUTEX_CMP_REQUEUE_PI, private
    ['setsockopt', [0, 6, 14, 0, 0], 'ENOPROTOOPT'], // TCP_MD5SIG
    ['setsockopt', [0, 6, 38, 0, 0], 'ENOPROTOOPT'], // TCP_AO_ADD_KEY
  ])('answers %s(%j) with %s', { timeout }, async (call, args, answer) => {
    expect(await probe([[syscalls[call]![arch]!, args]])).toEqual([answer]);
  });

  test('answers unknown and x32 calls as a kernel without them', { timeout }, async () => {
    expect(await probe([0x4000_0027, 500, 2000].map((number) => [number, []]))).toEqual(['ENOSYS', 'ENOSYS', 'ENOSYS']);
  });

  // Only x86-64 can call through another table from ordinary code.
  test.runIf(arch === 'x64')('kills a program that calls through the 32-bit table', { timeout }, async () => {
    const { code, stdout } = await runFiltered(['python3', '-c', source('foreign-call.py')]);
    expect(stdout).toBe('');
    expect(code).toBe(128 + 31); // SIGSYS, in bubblewrap's words
  });

  test('is in force in every program started', { timeout }, async () => {
    const { stdout } = await runFiltered(['sh', '-c', 'grep -h "^Seccomp:\\|^NoNewPrivs:" /proc/self/status']);
    expect(stdout).toBe('NoNewPrivs:\t1\nSeccomp:\t2\n');
  });
});

describe('the page cache that all sandboxes share', attacking('siblings'), () => {
  test.each<[string, number[], Errno]>([
    ['fadvise64', [0, 0, 0, 4], 'OK'], // POSIX_FADV_DONTNEED: answered as done, and not done
    ['preadv2', [0, 0, 0, 0, 0, 8], 'EOPNOTSUPP'], // RWF_NOWAIT
    ['preadv2', [0, 0, 0, 0, 0, 8 + 1 + 2 ** 32], 'EOPNOTSUPP'],
    ['cachestat', [0, 0, 0, 0], 'ENOSYS'],
  ])('is neither emptied nor asked by %s(%j)', { timeout }, async (call, args, answer) => {
    expect(await probe([[syscalls[call]![arch]!, args]])).toEqual([answer]);
  });
});

describe('under the filter', attacking('calls'), () => {
  test.each([
    ['Python', ['python3', '-c', source('work.py')]],
    ['Node', ['node', '--input-type=module', '--eval', source('work.mjs')]],
    ['bash', ['bash', '-c', source('work.sh')]],
  ])('ordinary work in %s succeeds', { timeout }, async (_language, command) => {
    expect(await runFiltered(command)).toEqual({ code: 0, stdout: 'done\n', stderr: '' });
  });
});

async function probe(calls: readonly (readonly [number, readonly number[]])[]): Promise<(Errno | number)[]> {
  // Arguments above 2^53 would not survive as JSON numbers, so they are written out.
  const list = calls.map(([number, args]) => `[${number},[${args.map((arg) => BigInt(arg)).join(',')}]]`);
  const { code, stdout, stderr } = await runFiltered(['python3', '-c', source('probe.py')], `[${list.join(',')}]`);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const names = new Map(Object.entries(errnos).map(([name, errno]) => [errno as number, name as Errno]));
  return (JSON.parse(stdout) as number[]).map((errno) => names.get(errno) ?? errno);
}
