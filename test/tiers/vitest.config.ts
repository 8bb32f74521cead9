import { defineConfig } from 'vitest/config';

const languages = ['test/conformance/languages.test.ts', 'test/engine/languages.test.ts'];
const usual = {
  root: new URL('../..', import.meta.url).pathname,
  testTimeout: 600_000,
  hookTimeout: 600_000,
  expect: { poll: { timeout: 60_000 } },
};

/**
 * `npm run test:tiers`: what `npm test` asks of namespaces alone, asked of the other tiers; `--project gvisor` of that one. With an emulated
 * processor the one of `microvm` takes long.
 */
export default defineConfig({
  test: {
    // Sandboxes of both need the processor for themselves.
    fileParallelism: false,
    projects: [
      {
        test: {
          ...usual,
          name: 'gvisor',
          include: [
            'test/tiers/checkpoints.tier.ts',
            ...languages,
            'test/security/{sandboxes,kernels,resources,users}.test.ts',
          ],
          env: { DRAGOMAN_ISOLATION: 'gvisor' },
        },
      },
      {
        test: {
          ...usual,
          name: 'microvm',
          include: ['test/tiers/*.tier.ts', ...languages],
          env: { DRAGOMAN_ISOLATION: 'microvm' },
        },
      },
    ],
  },
});
