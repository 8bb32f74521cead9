import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { attacking } from './attack.ts';

const soak = fileURLToPath(new URL('../../bench/soak.ts', import.meta.url));
/** By words of their names. The others are in `npm run soak -- saturate`, which also has the ratio that counts. */
const attacks = ['endless', 'restarts', 'wait in sessions', 'parked', 'large answers', 'deleted', 'idle connections'];

describe('a key that attacks', attacking('shares'), () => {
  it('costs another key no request and no variables, and leaves nothing over', { timeout: 400_000 }, async () => {
    const options = ['--seconds', '3', '--most', '50', '--only', attacks.join(',')];
    // It exits with 1 when something is broken, and then its tables are in the error.
    const { stdout } = await promisify(execFile)(process.execPath, [soak, 'saturate', ...options], {
      timeout: 390_000,
    });
    expect(stdout).toMatch(/parked tool programs( +[\d.]+){5} +0 +held/);
    expect(stdout).not.toContain('BROKEN');
  });
});
