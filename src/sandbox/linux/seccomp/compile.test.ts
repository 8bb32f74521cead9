import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Args, run, seccompData } from './bpf-machine.ts';
import { compileSeccomp } from './compile.ts';
import {
  type Decision,
  errnos,
  type Look,
  type SeccompArch,
  type SeccompPolicy,
  sandboxPolicy,
  syscalls,
} from './policy.ts';

const policy = sandboxPolicy();
const archs = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const;
const high = 1n << 32n;

/** A filter's value in words. */
function answerOf(value: number): string {
  if (value === 0x7fff_0000) return 'allow';
  if (value === 0x8000_0000) return 'kill';
  const name = Object.entries(errnos).find(([, errno]) => value === (0x0005_0000 | errno))?.[0];
  if (name === undefined) throw new Error(`answer ${value.toString(16)}`);
  return name;
}

/** The policy read word by word, as the compiled program is to understand it. */
function naive(policy: SeccompPolicy, arch: SeccompArch, number: number, args: Args): string {
  const has = ({ calls }: { calls: readonly string[] }) => calls.some((call) => syscalls[call]?.[arch] === number);
  if (policy.allow.some(has)) return 'allow';
  return decided(policy.refuse.find(has) ?? policy.inspect.find(has)?.look ?? policy.otherwise, args);
}

function decided(decision: Decision, args: Args): string {
  if (decision === 'allow') return 'allow';
  if ('errno' in decision) return decision.errno;
  const value = Number(BigInt.asUintN(32, BigInt(args[decision.arg] ?? 0)) & BigInt(decision.mask));
  const met = decision.cases.find(({ is }) => Object.values(is).includes(value));
  return decided(met ? met.decision : decision.else, args);
}

function valuesOf(decision: Decision): number[] {
  if (decision === 'allow' || 'errno' in decision) return [];
  return [
    ...decision.cases.flatMap(({ is, decision }) => [...Object.values(is), ...valuesOf(decision)]),
    ...valuesOf(decision.else),
  ];
}

const interestingValues = [...new Set(policy.inspect.flatMap(({ look }) => valuesOf(look)))];
const anyArg = fc
  .tuple(
    fc.oneof(fc.constantFrom(...interestingValues), fc.constantFrom(...interestingValues), fc.nat(0xffff_ffff)),
    fc.nat(3),
    fc.oneof(fc.constant(0), fc.nat(0xffff_ffff)),
  )
  .map(([value, above, upper]) => BigInt(value + above) + BigInt(upper) * high);

describe.each(['x64', 'arm64'] as const)('on %s', (arch) => {
  const program = compileSeccomp(policy, arch);
  const runCall = (number: number, args: Args = []) => run(program, seccompData(archs[arch], number, args));
  const ask = (number: number, args: Args = []) => answerOf(runCall(number, args).value);
  const numbers = (calls: readonly string[]) =>
    calls.map((call) => syscalls[call]![arch]).filter((number) => number !== null);
  const known = new Set(numbers(Object.keys(syscalls)));

  test('fits into the kernel and ends in answers only', () => {
    expect(program.length % 8).toBe(0);
    expect(program.length / 8).toBeLessThanOrEqual(512);
  });

  test.each(policy.allow)('allows $name', ({ calls }) => {
    for (const number of numbers(calls)) {
      expect(ask(number)).toBe('allow');
      expect(ask(number, Array(6).fill(0xffff_ffff_ffff_ffffn))).toBe('allow');
    }
  });

  test.each(policy.refuse)('refuses $name', ({ calls, errno }) => {
    for (const number of numbers(calls)) {
      expect(ask(number)).toBe(errno);
      expect(ask(number, Array(6).fill(0xffff_ffff_ffff_ffffn))).toBe(errno);
    }
  });

  test('knows no other number', () => {
    for (let number = 0; number < 2048; number++) {
      if (!known.has(number)) expect(ask(number), String(number)).toBe('ENOSYS');
    }
    for (const number of [0x3fff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) expect(ask(number)).toBe('ENOSYS');
  });

  test('has no x32 calls', () => {
    for (const number of known) expect(ask(number | 0x4000_0000)).toBe('ENOSYS');
  });

  test('kills calls of another architecture', () => {
    const others = [0x4000_0003, 0x4000_0028, 0, 0xffff_ffff, ...Object.values(archs)];
    for (const audit of others.filter((other) => other !== archs[arch])) {
      for (const number of known) expect(answerOf(run(program, seccompData(audit, number, [])).value)).toBe('kill');
    }
  });

  test.each<[string, Args, string]>([
    ['clone', [0x3d0f00], 'allow'], // a thread
    ['clone', [0x1200011], 'allow'], // fork
    ['clone', [0x5111], 'allow'], // posix_spawn with a pidfd
    ...[0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000].flatMap(
      (flag): [string, Args, string][] => [
        ['clone', [flag], 'EPERM'],
        ['clone', [flag | 0x1200011], 'EPERM'],
        ['clone', [BigInt(flag) | high], 'EPERM'],
      ],
    ),
    ['clone', [0x8011], 'EINVAL'],
    ['clone', [0x7e028011], 'EPERM'],
    ['mmap', [0, 4096, 7, 0x22], 'allow'],
    ['mmap', [0, 4096, 7, 0x40022], 'ENOMEM'],
    ['mmap', [0, 4096, 7, high | 0x40022n], 'ENOMEM'],
    ['memfd_create', [0, 1], 'allow'],
    ['memfd_create', [0, 5], 'EINVAL'],
    ['shmget', [0, 4096, 0o1600], 'allow'],
    ['shmget', [0, 4096, 0o5600], 'EPERM'],
    ['madvise', [0, 4096, 4], 'allow'],
    ['madvise', [0, 4096, 12], 'EINVAL'],
    ['madvise', [0, 4096, high | 12n], 'EINVAL'],
    ['madvise', [0, 4096, 100], 'EPERM'],
    ['fcntl', [0, 1], 'allow'],
    ['fcntl', [0, 1030, 10], 'allow'],
    ['fcntl', [0, 1032], 'allow'],
    ['fcntl', [0, 1031, 1 << 20], 'EPERM'],
    ['fcntl', [0, high | 1031n, 1 << 20], 'EPERM'],
    ['fcntl', [0, 8, 2], 'allow'],
    ['fcntl', [0, 8, 1], 'EPERM'],
    ['fcntl', [0, 8, high | 1n], 'EPERM'],
    ['fcntl', [0, 8, 0xffff_ffff_ffff_ffffn], 'EPERM'],
    ['fcntl', [0, 15], 'EINVAL'],
    ['fcntl', [0, 1026, 1], 'EINVAL'],
    ['fcntl', [0, 1024, 1], 'EINVAL'],
    ['ioctl', [0, 0x5401], 'allow'],
    ['ioctl', [0, 0x5413], 'allow'],
    ['ioctl', [0, 0x541b], 'allow'],
    ['ioctl', [0, 0x5412], 'EPERM'],
    ['ioctl', [0, high | 0x5412n], 'EPERM'],
    ['ioctl', [0, 0xdead_beef_0000_5412n], 'EPERM'],
    ['ioctl', [0, high | 0x541cn], 'EPERM'],
    ['ioctl', [0, 0x5423], 'ENOTTY'], // TIOCSETD
    ['ioctl', [0, 0x541d], 'ENOTTY'], // TIOCCONS
    ['ioctl', [0, 0x8901], 'ENOTTY'], // FIOSETOWN
    ['ioctl', [0, 0x8902], 'ENOTTY'], // SIOCSPGRP
    ['setpgid', [0, 0], 'allow'],
    ['setpgid', [0, 1], 'EPERM'],
    ['setpgid', [0, high | 1n], 'EPERM'],
    ['pidfd_open', [2], 'allow'],
    ['pidfd_open', [1], 'EPERM'],
    ['pidfd_open', [high | 1n], 'EPERM'],
    ['ioctl', [0, 0x40049409], 'EOPNOTSUPP'],
    ['ioctl', [0, 0x8946], 'EOPNOTSUPP'],
    ['prctl', [15], 'allow'],
    ['prctl', [38, 1], 'allow'],
    ['prctl', [0x53564d41], 'allow'],
    ['prctl', [22, 2], 'EINVAL'],
    ['prctl', [high | 22n, 2], 'EINVAL'],
    ['prctl', [35], 'EINVAL'],
    ['prctl', [53], 'EPERM'],
    ['socket', [1, 1, 0], 'allow'],
    ['socket', [1, 0x80805, 0], 'allow'],
    ['socket', [1, 3, 0], 'ESOCKTNOSUPPORT'],
    ['socket', [2, 1, 0], 'allow'],
    ['socket', [2, 0x80801, 6], 'allow'],
    ['socket', [10, 0x80002, 17], 'allow'],
    ['socket', [2, 1, 262], 'EPROTONOSUPPORT'], // MPTCP
    ['socket', [2, 1, 132], 'EPROTONOSUPPORT'], // SCTP
    ['socket', [2, 2, 1], 'EPROTONOSUPPORT'], // ping
    ['socket', [2, 3, 1], 'EPERM'],
    ['socket', [10, 0x80803, 255], 'EPERM'],
    ['socket', [high | 2n, high | 3n, 1], 'EPERM'],
    ['socket', [2, 10, 0], 'EPERM'],
    ['socket', [2, 5, 0], 'ESOCKTNOSUPPORT'],
    ['socket', [16, 3, 0], 'EOPNOTSUPP'],
    ...[0, 3, 17, 38, 40, 44, 0xffff_ffff].map((family): [string, Args, string] => [
      'socket',
      [family, 1, 0],
      'EAFNOSUPPORT',
    ]),
    ['socket', [high | 17n, 1, 0], 'EAFNOSUPPORT'],
    ['socketpair', [1, 0x80001, 0], 'allow'],
    ['socketpair', [30, 1, 0], 'EAFNOSUPPORT'],
    ['setsockopt', [3, 1, 2], 'allow'],
    ['setsockopt', [3, 6, 1], 'allow'],
    ['setsockopt', [3, 41, 26], 'allow'],
    ['setsockopt', [3, 1, 26], 'ENOPROTOOPT'],
    ['setsockopt', [3, high | 1n, high | 50n], 'ENOPROTOOPT'],
    ['setsockopt', [3, 6, 31], 'ENOPROTOOPT'],
    ['setsockopt', [3, 17, 100], 'ENOPROTOOPT'],
    ['mknodat', [0, 0, 0o10644], 'allow'],
    ['mknodat', [0, 0, 0o644], 'allow'],
    ['mknodat', [0, 0, 0o20644], 'EPERM'],
    ['mknodat', [0, 0, 0o60644], 'EPERM'],
    ['mknodat', [0, 0, 0x10000 | 0o20644], 'EPERM'], // the kernel cuts the mode to 16 bits
    ['personality', [0xffff_ffff], 'allow'],
    ['personality', [0xffff_ffff_ffff_ffffn], 'allow'],
    ['personality', [0x40000], 'allow'],
    ['personality', [8], 'EPERM'],
    ['personality', [0x440000], 'EPERM'],
  ])('%s(%s) is answered: %s', (call, args, answer) => {
    expect(ask(syscalls[call]![arch]!, args)).toBe(answer);
  });

  test('does as the policy says for any call and any arguments', () => {
    const anyNumber = fc.oneof(
      fc.constantFrom(...known),
      fc.constantFrom(...numbers(policy.inspect.flatMap(({ calls }) => calls))),
      fc.nat(600),
      fc.nat(0xffff_ffff),
    );
    fc.assert(
      fc.property(anyNumber, fc.array(anyArg, { minLength: 6, maxLength: 6 }), (number, args) => {
        expect(ask(number, args)).toBe(naive(policy, arch, number, args));
      }),
      { numRuns: 20_000 },
    );
  });

  test('decides by the number alone wherever it can, so that the kernel may skip the program', () => {
    const inspected = new Set(numbers(policy.inspect.flatMap(({ calls }) => calls)));
    for (const number of known) {
      if (!inspected.has(number)) expect(runCall(number).loads, String(number)).toEqual([4, 0]);
    }
  });

  test('decides hot calls in few instructions', () => {
    const args = [0, 0x5401, 4];
    for (const call of policy.hot) {
      for (const number of numbers([call])) expect(runCall(number, args).instructions, call).toBeLessThanOrEqual(20);
    }
  });
});

describe('other policies', () => {
  const empty: SeccompPolicy = {
    foreign: 'x',
    otherwise: { errno: 'ENOSYS', reason: 'x' },
    hot: [],
    allow: [],
    refuse: [],
    inspect: [],
  };
  const looking = (look: Look): SeccompPolicy => ({
    ...empty,
    inspect: [{ name: 'x', reason: 'x', calls: ['ioctl'], look }],
  });
  const look = (values: readonly number[], mask = 0xffff_ffff): Look => ({
    arg: 1,
    what: 'x',
    mask,
    cases: values.map((value) => ({
      is: { [value]: value },
      decision: value % 4 ? 'allow' : { errno: 'EPERM', reason: 'x' },
    })),
    else: { errno: 'EINVAL', reason: 'x' },
  });

  test('may be empty', () => {
    const program = compileSeccomp(empty, 'x64');
    expect(answerOf(run(program, seccompData(archs.x64, 1, [])).value)).toBe('ENOSYS');
    expect(answerOf(run(program, seccompData(archs.arm64, 1, [])).value)).toBe('kill');
  });

  test('may be larger than one branch reaches', () => {
    const large = looking(look(Array.from({ length: 600 }, (_, index) => index * 2)));
    const program = compileSeccomp({ ...large, allow: [{ name: 'y', reason: 'y', calls: ['read', 'uname'] }] }, 'x64');
    expect(program.length / 8).toBeGreaterThan(600);
    for (let value = 0; value < 1300; value++) {
      const { value: answer } = run(program, seccompData(archs.x64, 16, [0, value]));
      expect(answerOf(answer), String(value)).toBe(naive(large, 'x64', 16, [0, value]));
    }
    expect(answerOf(run(program, seccompData(archs.x64, 0, [])).value)).toBe('allow');
    expect(answerOf(run(program, seccompData(archs.x64, 63, [])).value)).toBe('allow');
    expect(answerOf(run(program, seccompData(archs.x64, 64, [])).value)).toBe('ENOSYS');
  });

  test('is refused when the kernel would not take it', () => {
    const huge = looking(look(Array.from({ length: 3000 }, (_, index) => index * 2)));
    expect(() => compileSeccomp(huge, 'x64')).toThrow('too many');
  });

  test.each<[string, SeccompPolicy]>([
    ['no system call is named nonsense', { ...empty, allow: [{ name: 'x', reason: 'x', calls: ['nonsense'] }] }],
    ['no system call is named toString', { ...empty, hot: ['toString'] }],
    ['read is decided twice', { ...empty, allow: [{ name: 'x', reason: 'x', calls: ['read', 'read'] }] }],
    ['decided twice', looking(look([1, 1]))],
    ['outside the mask', looking(look([16], 0xf))],
  ])('is refused: %s', (message, faulty) => {
    expect(() => compileSeccomp(faulty, 'x64')).toThrow(message);
  });
});
