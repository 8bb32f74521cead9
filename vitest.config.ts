import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'test/**/*.test.ts'],
    setupFiles: ['test/support/fuzz-seed.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Sandboxes and crash tests need the processor for themselves.
    maxWorkers: 2,
  },
});
