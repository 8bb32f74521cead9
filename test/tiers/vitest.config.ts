import { defineConfig } from 'vitest/config';
import { tierTests } from './files.ts';

const usual = {
  root: new URL('../..', import.meta.url).pathname,
  setupFiles: ['test/support/fuzz-seed.ts'],
  testTimeout: 600_000,
  hookTimeout: 600_000,
  expect: { poll: { timeout: 60_000 } },
};

/**
 * `npm run test:tiers`: what `npm test` asks of namespaces, asked of the other tiers; `--project gvisor` of that one. With an emulated
 * processor the one of `microvm` takes hours.
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
            'test/tiers/{checkpoints,failures}.tier.ts',
            'test/conformance/sandbox/gvisor.test.ts',
            'test/security/{gvisor,checkpoints}.test.ts',
            ...tierTests('gvisor'),
          ],
          env: { DRAGOMAN_ISOLATION: 'gvisor' },
        },
      },
      {
        test: {
          ...usual,
          name: 'microvm',
          include: [
            'test/tiers/{microvm,checkpoints,failures}.tier.ts',
            'test/security/{machines,checkpoints}.test.ts',
            ...tierTests('microvm'),
          ],
          env: { DRAGOMAN_ISOLATION: 'microvm' },
        },
      },
    ],
  },
});
