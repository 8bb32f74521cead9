import { defineConfig } from 'vitest/config';

/** `npm run test:tiers`: what `npm test` asks of namespaces alone, asked of the tier `microvm`. Where the processor is emulated it takes long. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/tiers/*.tier.ts', 'test/conformance/languages.test.ts', 'test/engine/languages.test.ts'],
    env: { DRAGOMAN_ISOLATION: 'microvm' },
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 60_000 } },
    // Machines need the processor for themselves.
    fileParallelism: false,
  },
});
