import { join } from 'node:path';
import { loadConfig } from '../../src/config/index.ts';
import type { Tier } from '../../src/core/index.ts';
import { createProgress } from '../../src/host/index.ts';
import { setupGvisor } from '../../src/images/index.ts';

/** Where a boundary keeps what it needs, and its program, downloaded where it is missing. Every test shares it. */
export async function tierOptions(name: Tier): Promise<{ tierDir: string; runsc: string | undefined }> {
  const { isolation, stores } = loadConfig();
  const { runsc } = isolation;
  const tierDir = join(stores.dataDir, 'tiers', name);
  if (name === 'gvisor') await setupGvisor({ tierDir, runsc, progress: createProgress({ stream: process.stderr }) });
  return { tierDir, runsc };
}

/** Has a server under test, which has a data directory of its own, use this boundary. */
export async function tierEnvironment(name: Tier): Promise<Record<string, string>> {
  const { tierDir, runsc } = await tierOptions(name);
  return {
    DRAGOMAN_ISOLATION: name,
    ...(name === 'gvisor' ? { DRAGOMAN_RUNSC: runsc ?? join(tierDir, 'runsc') } : {}),
  };
}

/** What the sandboxes of tests are behind: `npm run test:tiers` runs some of them behind each. */
export function testTier(): Tier {
  return loadConfig().isolation.backend;
}
