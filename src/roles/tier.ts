import { join, resolve } from 'node:path';
import type { Config } from '../config/index.ts';

/** What a boundary keeps between starts, and where its program is. */
export function tierOptions({ isolation, stores }: Pick<Config, 'isolation' | 'stores'>) {
  return {
    tierDir: join(resolve(stores.dataDir), 'tiers', isolation.backend),
    runsc: isolation.runsc,
  };
}
