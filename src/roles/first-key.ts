import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import { isLoopbackHost, secretHash } from '../core/index.ts';
import { StartCode } from '../http/index.ts';
import { ApiKeys } from '../service/index.ts';
import type { Records } from '../stores/index.ts';

/** The key made at the first start, and where it is kept. */
export interface FirstKey {
  readonly path: string;
  readonly secret: string;
}

/** Makes the first key where one is due. @throws DragomanError invalid_request when a key has a plan that there is not */
export async function prepareKeys(config: Config, records: Records): Promise<FirstKey | undefined> {
  const { mode, keys } = config.authentication;
  if (!mode.includes('keys')) return undefined;
  const stored = new ApiKeys(records.keys, config.plans);
  await stored.checkPlans();
  return keys.length > 0 ? undefined : stored.createFirst(config.stores.dataDir);
}

/** A code for the key that the operator has: the one in the data directory, else the first of the configuration. */
export function startCodeFor(config: Config, made: string | undefined, now: () => number): StartCode | undefined {
  const { authentication, face, http, stores } = config;
  if (!face.isOn || !authentication.mode.includes('keys') || !isLoopbackHost(http.host)) return undefined;
  const secret = authentication.keys[0]?.secret ?? made ?? keptKey(join(stores.dataDir, 'api-key'));
  return secret === undefined ? undefined : new StartCode(secretHash(secret), now);
}

function keptKey(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
