import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files of half a minute and more that use all of the processor. Where nothing has run yet the runner would begin with the largest files, and
 * some of these are small. What measures how a service answers beside others comes later, beside files that mostly wait.
 */
const longest = [
  'face/face',
  'security/machines',
  'conformance/languages',
  'images/image-build',
  'http/openapi',
  'conformance/packages',
  'security/compile',
  'security/resources',
  'security/sessions',
  'security/checkpoints',
];

/** Runs long files first, and those in `test/` before the others, so that no long one is left over at the end for one worker alone. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ project, moduleId }: TestSpecification) => {
      if (project.name === 'unit') return longest.length + 1;
      const found = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return found < 0 ? longest.length : found;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
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
    // Of tests of one file that may run beside each other.
    maxConcurrency: 3,
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
