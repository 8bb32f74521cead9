import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'test/**/*.test.ts'],
    setupFiles: ['test/support/fuzz-seed.ts'],
    // For what hangs: a busy machine takes a multiple of what these tests need.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
    // Sandboxes and crash tests need the processor for themselves.
    maxWorkers: 2,
  },
});
