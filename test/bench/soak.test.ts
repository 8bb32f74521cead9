import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const soak = fileURLToPath(new URL('../../bench/soak.ts', import.meta.url));

it('leaves nothing over and gets no answer wrong under a short mixed load', { timeout: 180_000 }, async () => {
  // It exits with 1 when an invariant is broken, and then its table is in the error.
  const { stdout } = await promisify(execFile)(process.execPath, [soak, '--runs', '200', '--clients', '4'], {
    timeout: 170_000,
  });
  expect(stdout).toMatch(/wrong or missing answers\s+0\s+0\s+held/);
});
