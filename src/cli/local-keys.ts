import { loadConfig } from '../config/index.ts';
import { openRecords } from '../roles/index.ts';
import { ApiKeys } from '../service/index.ts';

/** Opens the keys in the data directory of this machine, runs `use` and closes them. */
export async function withLocalKeys(use: (keys: ApiKeys) => Promise<void>): Promise<void> {
  const config = loadConfig();
  const records = openRecords(config);
  await records.start();
  try {
    await use(new ApiKeys(records.keys, config.plans));
  } finally {
    await records.close();
  }
}
