import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Runs the long tests (those in `test/`) first, so that no long file is left over at the end for one worker alone. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isUnit = ({ project }: TestSpecification) => Number(project.name === 'unit');
    return sorted.toSorted((a, b) => isUnit(a) - isUnit(b));
  }
}

/** These replace modules of Node, which works only in a worker that has not loaded them before. */
const mocking = ['src/sandbox/linux/cgroup/v2.test.ts'];

export default defineConfig({
  test: {
    setupFiles: ['test/support/fuzz-seed.ts'],
    // Deadlines for tests that hang. A busy machine needs several times as long as an idle one.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
    // Sandboxes and crash tests need the processor for themselves.
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['{src,scripts}/**/*.test.ts'], exclude: mocking, isolate: false },
      },
      { extends: true, test: { name: 'real', include: ['test/**/*.test.ts', ...mocking] } },
    ],
  },
});
