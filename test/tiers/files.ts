/** The tests of test/security that attack a sandbox, whatever it is made of: `npm run test:tiers` runs them in each tier. */
export const inEachTier = [
  ...['commands', 'compile', 'disk', 'doors', 'endurance', 'environment', 'jupyter', 'kernel-state', 'kernels'],
  ...['killed', 'leftovers', 'messages', 'previews', 'questions', 'resources', 'results', 'sandboxes'],
  ...['service', 'sessions', 'storage', 'terminal', 'tools', 'users', 'walls'],
];

/** Those of one tier, which run whatever the tier of the run is, and why. */
export const ofOneTier: Readonly<Record<string, string>> = {
  checkpoints: 'attacks checkpoints of sessions, which namespaces has not: there it runs in gvisor',
  'forked-programs': 'attacks forks of node, which only namespaces has',
  groups:
    'attacks how the forks of namespaces enter control groups, and groups that are used again; the other tiers have the same groups',
  gvisor: 'attacks what only gvisor has',
  memory:
    'gives a whole service less memory than two sandboxes of the other tiers take; their control groups are the same',
  isolation: 'starts services that have several tiers at once',
  machines: 'attacks what only microvm has',
  native:
    'attacks the helper that forks: in microvm it is inside the machine, and in gvisor it starts one sandbox each',
  seccomp: 'asks the filter of system calls itself, which is the same file in each tier',
  zygotes: 'kills zygotes, which only namespaces has on the host',
};

/** Those that attack the service before or behind any sandbox, so that the tier changes nothing. */
export const withoutSandbox = [
  ...[
    'claims',
    'cli',
    'conversations',
    'event-loop',
    'face',
    'grants',
    'held-memory',
    'lane',
    'mcp',
    'operators',
    'pages',
  ],
  ...['saturation', 'webhooks', 'worker-rights'],
];

const languages = ['test/conformance/languages.test.ts', 'test/engine/languages.test.ts'];

/** Those that one of the tiers cannot run, and why. */
const notIn: Readonly<Partial<Record<string, Readonly<Record<string, string>>>>> = {
  microvm: {
    users:
      'starts services as other users, of which each would pack the image for its own machines: gigabytes and minutes',
  },
};

/** What runs in each tier other than namespaces, beside the tests of the tier itself. */
export const tierTests = (tier: string): string[] => [
  ...languages,
  ...inEachTier.filter((name) => !notIn[tier]?.[name]).map((name) => `test/security/${name}.test.ts`),
];
