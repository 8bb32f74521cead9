import { expect, it } from 'vitest';
import { runSoak } from '../support/soak.ts';

it('leaves nothing over and gets no answer wrong under a short mixed load', { timeout: 300_000 }, async () => {
  const printed = await runSoak(['--runs', '200', '--clients', '4'], 290_000);
  expect(printed).toMatch(/wrong or missing answers\s+0\s+0\s+held/);
});
