import { defineConfig } from 'vitest/config';

/** `npm run test:deploy`: container, Compose and Helm, on a Docker engine. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['deploy/test/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 300_000,
    // One engine, one after the other.
    fileParallelism: false,
  },
});
