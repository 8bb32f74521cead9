import { join, resolve } from 'node:path';
import type { Config } from '../config/index.ts';
import { type Tier, tiers } from '../core/index.ts';

/** What a boundary keeps between starts, and where its program is. */
export function tierOptions({ isolation, stores }: Pick<Config, 'isolation' | 'stores'>, tier: Tier) {
  return { tierDir: join(resolve(stores.dataDir), 'tiers', tier), runsc: isolation.runsc };
}

/** Every tier that the settings or a plan name, that of the settings first. Others are neither set up nor started. */
export function tiersInUse({ isolation, plans }: Pick<Config, 'isolation' | 'plans'>): [Tier, ...Tier[]] {
  const named = new Set([...plans.values()].flatMap(({ tier, otherTiers }) => [tier, ...otherTiers]));
  return [isolation.backend, ...tiers.filter((tier) => tier !== isolation.backend && named.has(tier))];
}
