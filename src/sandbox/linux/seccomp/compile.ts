import { type Decision, errnos, type Look, type SeccompArch, type SeccompPolicy, syscalls } from './policy.ts';
import { type Position, Program } from './program.ts';

const auditArchs: Readonly<Record<SeccompArch, number>> = { x64: 0xc000_003e, arm64: 0xc000_00b7 };
const answers = { kill: 0x8000_0000, errno: 0x0005_0000, allow: 0x7fff_0000 } as const;
/** Byte offsets in struct seccomp_data; both architectures are little-endian, so an argument's low half comes first. */
const offsets = { number: 0, arch: 4, arg: (index: number) => 16 + 8 * index } as const;
const allBits = 0xffff_ffff;
/** How much rather a hot call is decided early than any other. */
const hotWeight = 8;

/** Values from `from` up to the next span's, all decided alike. */
interface Span {
  readonly from: number;
  readonly decision: Decision;
  readonly weight: number;
}

/**
 * The policy as a BPF program for seccomp: an array of struct sock_filter. Calls that need no look at their arguments are
 * decided by the architecture and the number alone, which lets kernels since 5.11 allow them without running the program.
 * @throws Error if the policy names an unknown call, decides one twice, or has a case that no value can meet
 */
export function compileSeccomp(policy: SeccompPolicy, arch: SeccompArch): Buffer {
  const program = new Program();
  const decide = new Decider(program);
  // Written from the end, so the first instructions come last.
  const native = program.load(offsets.number, allBits, decide.bySpans(spansByNumber(policy, arch)));
  const foreign = program.return(answers.kill);
  program.load(offsets.arch, allBits, program.branch('equal', auditArchs[arch], native, foreign));
  return program.toBuffer();
}

class Decider {
  readonly #program: Program;
  readonly #looks = new Map<Look, Position>();

  constructor(program: Program) {
    this.#program = program;
  }

  /** A search tree over the spans, halved by weight; expects the value to have been loaded. */
  bySpans(spans: readonly Span[]): Position {
    const [first, second, third] = spans;
    if (first === undefined) throw new Error('nothing to decide');
    if (second === undefined) return this.#decision(first.decision);
    if (third && spans.length === 3 && alike(first.decision, third.decision) && third.from - second.from === 1) {
      const others = this.#decision(first.decision);
      return this.#program.branch('equal', second.from, this.#decision(second.decision), others);
    }
    const middle = middleOf(spans);
    const below = this.bySpans(spans.slice(0, middle));
    const above = this.bySpans(spans.slice(middle));
    return this.#program.branch('atLeast', spans[middle]!.from, above, below);
  }

  #decision(decision: Decision): Position {
    if (decision === 'allow') return this.#program.return(answers.allow);
    if ('errno' in decision) return this.#program.return(answers.errno | errnos[decision.errno]);
    let position = this.#looks.get(decision);
    if (position === undefined) {
      position = this.#program.load(offsets.arg(decision.arg), decision.mask, this.bySpans(spansByValue(decision)));
      this.#looks.set(decision, position);
    }
    return position;
  }
}

/** The index that comes nearest to equal weights on both sides. */
function middleOf(spans: readonly Span[]): number {
  const total = spans.reduce((sum, { weight }) => sum + weight, 0);
  let below = spans[0]!.weight;
  let middle = 1;
  while (
    middle < spans.length - 1 &&
    Math.abs(total - 2 * (below + spans[middle]!.weight)) < Math.abs(total - 2 * below)
  ) {
    below += spans[middle]!.weight;
    middle++;
  }
  return middle;
}

function spansByNumber(policy: SeccompPolicy, arch: SeccompArch): Span[] {
  const decisions = new Map<number, Decision>();
  const decide = (calls: readonly string[], decision: Decision) => {
    for (const call of calls) {
      const number = numberOf(call, arch);
      if (number === null) continue;
      if (decisions.has(number)) throw new Error(`${call} is decided twice`);
      decisions.set(number, decision);
    }
  };
  for (const { calls } of policy.allow) decide(calls, 'allow');
  for (const { calls, errno, reason } of policy.refuse) decide(calls, { errno, reason });
  for (const { calls, look } of policy.inspect) decide(calls, look);
  const hot = new Set(policy.hot.map((call) => numberOf(call, arch)));
  return spansOf(decisions, policy.otherwise, (number) => (hot.has(number) ? hotWeight : 0));
}

function numberOf(call: string, arch: SeccompArch): number | null {
  const numbers = Object.hasOwn(syscalls, call) ? syscalls[call] : undefined;
  if (numbers === undefined) throw new Error(`no system call is named ${call}`);
  return numbers[arch];
}

function spansByValue(look: Look): Span[] {
  const decisions = new Map<number, Decision>();
  for (const { is, decision } of look.cases) {
    for (const [name, value] of Object.entries(is)) {
      if (decisions.has(value)) throw new Error(`${name} of ${look.what} is decided twice`);
      if ((value & ~look.mask) !== 0) throw new Error(`${name} of ${look.what} lies outside the mask`);
      decisions.set(value, decision);
    }
  }
  return spansOf(decisions, look.else, () => 0);
}

function spansOf(
  decisions: Map<number, Decision>,
  otherwise: Decision,
  extraWeight: (value: number) => number,
): Span[] {
  const spans: { from: number; decision: Decision; weight: number }[] = [];
  const add = (from: number, decision: Decision, weight: number) => {
    const last = spans.at(-1);
    if (last && alike(last.decision, decision)) last.weight += weight;
    else spans.push({ from, decision, weight: 1 + weight });
  };
  let next = 0;
  for (const value of [...decisions.keys()].sort((a, b) => a - b)) {
    if (value > next) add(next, otherwise, 0);
    add(value, decisions.get(value)!, extraWeight(value));
    next = value + 1;
  }
  if (next <= allBits) add(next, otherwise, 0);
  return spans;
}

function alike(one: Decision, other: Decision): boolean {
  if (typeof one === 'object' && typeof other === 'object' && 'errno' in one && 'errno' in other) {
    return one.errno === other.errno;
  }
  return one === other;
}
