import { describe, expect, it } from 'vitest';
import { runSoak } from '../support/soak.ts';
import { attacking } from './attack.ts';

/** By words of their names. The others are in `npm run soak -- saturate`, which also has the ratio that counts. */
const attacks = ['endless', 'restarts', 'wait in sessions', 'parked', 'large answers', 'deleted', 'idle connections'];

describe('a key that attacks', attacking('shares'), () => {
  it('costs another key no request and no variables, and leaves nothing over', { timeout: 400_000 }, async () => {
    const options = ['--seconds', '2', '--most', '50', '--only', attacks.join(',')];
    const printed = await runSoak(['saturate', ...options], 390_000);
    expect(printed).toMatch(/parked tool programs( +[\d.]+){5} +0 +held/);
  });
});
