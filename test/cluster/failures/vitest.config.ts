import { defineConfig } from 'vitest/config';

/** `npm run test:cluster`: processes of a cluster are killed, frozen and cut off at every step. */
export default defineConfig({
  test: {
    root: new URL('../../..', import.meta.url).pathname,
    include: ['test/cluster/failures/**/*.failure.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // Each file has a cluster of its own, and needs the processors for it.
    fileParallelism: false,
  },
});
