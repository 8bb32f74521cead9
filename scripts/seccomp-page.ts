import { type Decision, sandboxPolicy } from '../src/sandbox/linux/seccomp/index.ts';

export const seccompPagePath = new URL('../docs/reference/seccomp.md', import.meta.url);

/** The page on system calls, made from the policy: every group with its calls and its reason. */
export function seccompPage(): string {
  const policy = sandboxPolicy();
  const parts = [
    '<!-- Generated from src/sandbox/linux/seccomp/policy.json by `npm run docs`. Do not edit. -->',
    '# System calls in a sandbox',
    'Programs in a sandbox of the `namespaces` backend run under a seccomp filter. It is an allowlist: what is not named here is refused. This page is generated from the policy that the filter is compiled from.',
    `- **Not named**: \`${policy.otherwise.errno}\`. ${policy.otherwise.reason}\n- **Another architecture**: the process is killed. ${policy.foreign}`,
    '## What programs notice',
    noticed.map((line) => `- ${line}`).join('\n'),
    '## Allowed',
    table(
      ['Group', 'Calls', 'Why'],
      policy.allow.map(({ name, calls, reason }) => [name, codes(calls), reason]),
    ),
    '## Decided by an argument',
    ...policy.inspect.flatMap(({ name, calls, reason, look }) => [
      `### ${codes(calls)}: ${name}`,
      reason,
      lines(look, '').join('\n'),
    ]),
    '## Refused',
    table(
      ['Group', 'Calls', 'Answer', 'Why'],
      policy.refuse.map(({ name, calls, errno, reason }) => [name, codes(calls), answer(errno), reason]),
    ),
  ];
  return `${parts.join('\n\n')}\n`;
}

const noticed = [
  'Debuggers and tracers (gdb, strace) cannot attach, and neither can the leak check of the address sanitizer: run such programs with `LSAN_OPTIONS=detect_leaks=0`.',
  'Network interfaces cannot be listed by netlink: `os.networkInterfaces()` in Node, `net.Interfaces()` in Go and `psutil.net_if_addrs()` in Python fail. Servers and clients on the loopback device work.',
  'File watchers cannot wait for events (`fs.watch`, `WatchService`); those that can poll instead (`fs.watchFile`, `tail -f`) work.',
  'Programs that build sandboxes of their own (bubblewrap, Chromium with its sandbox) cannot; Chromium needs `--no-sandbox`.',
];

function lines(decision: Decision, indent: string): string[] {
  if (decision === 'allow' || 'errno' in decision) throw new Error('a decision without a look is written in its line');
  const subject = `argument ${decision.arg} (${decision.what}${decision.mask === 0xffff_ffff ? '' : `, bits ${hex(decision.mask)}`})`;
  const line = (when: string, then: Decision) => {
    const start = `${indent}- ${subject} ${when}: `;
    if (then === 'allow') return [`${start}allowed`];
    if ('errno' in then) return [`${start}${answer(then.errno)}. ${then.reason}`];
    return [`${start}look further`, ...lines(then, `${indent}  `)];
  };
  return [
    ...decision.cases.flatMap((one) => line(codes(Object.keys(one.is)), one.decision)),
    ...line('anything else', decision.else),
  ];
}

function answer(errno: string): string {
  return errno === 'OK' ? 'success, nothing done' : `\`${errno}\``;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function codes(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(' ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
