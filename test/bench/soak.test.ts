import { expect, it } from 'vitest';
import { runSoak } from '../support/soak.ts';

it('leaves nothing over and gets no answer wrong under a short mixed load', { timeout: 300_000 }, async () => {
  // How fast it is depends on what else the machine does, and is judged by `npm run soak` alone.
  const options = ['--runs', '200', '--clients', '4', '--p99', '60', '--most', '100'];
  const printed = await runSoak(options, 290_000);
  expect(printed).toMatch(/wrong or missing answers\s+0\s+0\s+held/);
});
