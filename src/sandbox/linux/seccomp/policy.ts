import { z } from 'zod';
import policyFile from './policy.json' with { type: 'json' };
import syscallsFile from './syscalls.json' with { type: 'json' };

/** Linux error numbers the policy may answer with; equal on both architectures. OK pretends success: 0, and nothing done. */
export const errnos = {
  OK: 0,
  EPERM: 1,
  ENOMEM: 12,
  EINVAL: 22,
  ENOTTY: 25,
  ENOSYS: 38,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  ESOCKTNOSUPPORT: 94,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
} as const;

export type Errno = keyof typeof errnos;

/** The call is answered with an error and never reaches the kernel's code. */
interface Refusal {
  readonly errno: Errno;
  readonly reason: string;
}

/**
 * Looks at one argument, reduced by `mask`, and decides by its value. Only the low 32 bits count, because the kernel takes
 * every inspected argument as an int or has its flags there: a filter that compares all 64 bits is passed by setting a high one.
 */
export interface Look {
  /** Which argument, from 0. */
  readonly arg: number;
  /** What the argument means, for the reference page. */
  readonly what: string;
  readonly mask: number;
  /** Values by their names in C; no value may occur twice. */
  readonly cases: readonly { readonly is: Readonly<Record<string, number>>; readonly decision: Decision }[];
  readonly else: Decision;
}

export type Decision = 'allow' | Refusal | Look;

/** System calls treated alike. */
interface Group {
  readonly name: string;
  readonly reason: string;
  readonly calls: readonly string[];
}

/** What a program in a sandbox may ask of the kernel. Each system call is named at most once. */
export interface SeccompPolicy {
  /** Why calls of another architecture end the process. */
  readonly foreign: string;
  /** For every call not named. */
  readonly otherwise: Refusal;
  /** Calls to be decided in few instructions. */
  readonly hot: readonly string[];
  readonly allow: readonly Group[];
  readonly refuse: readonly (Group & Refusal)[];
  readonly inspect: readonly (Group & { readonly look: Look })[];
}

export type SeccompArch = 'x64' | 'arm64';

const uint32 = z
  .union([z.number(), z.string().regex(/^0x[0-9a-f]{1,8}$/)])
  .transform(Number)
  .pipe(z.number().int().min(0).max(0xffff_ffff));
const reason = z.string().min(1);
const refusal = z.strictObject({ errno: z.enum(Object.keys(errnos) as [Errno, ...Errno[]]), reason });
const look = z.strictObject({
  arg: z.number().int().min(0).max(5),
  what: z.string().min(1),
  mask: uint32.default(0xffff_ffff),
  get cases() {
    return z.array(z.strictObject({ is: z.record(z.string(), uint32), decision })).min(1);
  },
  get else() {
    return decision;
  },
});
const decision: z.ZodType<Decision> = z.lazy(() => z.union([z.literal('allow'), refusal, look]));
const group = z.strictObject({ name: z.string().min(1), reason, calls: z.array(z.string()).min(1) });
const policySchema = z.strictObject({
  foreign: reason,
  otherwise: refusal,
  hot: z.array(z.string()),
  allow: z.array(group),
  refuse: z.array(group.extend(refusal.shape)),
  inspect: z.array(group.extend({ look })),
});

/** @throws ZodError if the policy's file is not well formed */
export function sandboxPolicy(): SeccompPolicy {
  return policySchema.parse(policyFile);
}

/** The number of every system call on each architecture; null where the architecture lacks it. */
export const syscalls: Readonly<Record<string, Readonly<Record<SeccompArch, number | null>>>> = syscallsFile;
