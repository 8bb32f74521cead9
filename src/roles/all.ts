import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import { isLoopbackHost, secretHash } from '../core/index.ts';
import { StartCode } from '../http/index.ts';
import { ApiKeys, StoredJobFiles } from '../service/index.ts';
import { lockDirectory, type Records } from '../stores/index.ts';
import { startCommon } from './common.ts';
import { startGateway } from './gateway.ts';
import { startStorage } from './storage.ts';
import { type Image, startWorker } from './worker.ts';

/** A running service. */
export interface Service {
  /** `http://host:port` as one can call it. */
  readonly url: string;
  /** The key made at the first start, and where it is kept. */
  readonly firstKey: { readonly path: string; readonly secret: string } | undefined;
  /** Signs one browser of this machine in; undefined where the pages need no sign-in or are not served. */
  readonly startCode: string | undefined;
  /** Ends in order: no new requests, those under way, sandboxes, stores. */
  close(): Promise<void>;
}

/** The `all` role: stores, a worker and a gateway in one process, which call each other directly. */
export async function startService(config: Config, image: Image, version: string): Promise<Service> {
  const common = await startCommon(config, 'all', version);
  const { lifetime } = common;
  const close = () => lifetime.close();
  try {
    const lock = lockDirectory(config.stores.dataDir);
    lifetime.add(() => lock.release());
    const storage = await startStorage(config, common);
    const firstKey = await prepareKeys(config, storage.records);
    const jobFiles = new StoredJobFiles(storage.fileService);
    const runner = await startWorker(config, image, jobFiles, common);
    const startCode = startCodeFor(config, firstKey?.secret, common.now);
    const url = await startGateway(
      config,
      { ...storage, jobFiles, runner, version, imageId: image.imageId, startCode },
      common,
    );
    return { url, firstKey, startCode: startCode?.text, close };
  } catch (error) {
    // What kept it from starting says more than what then could not be closed.
    await close().catch(() => {});
    throw error;
  }
}

/** Makes the first key where one is due. @throws DragomanError invalid_request when a key has a plan that there is not */
async function prepareKeys(config: Config, records: Records): Promise<Service['firstKey']> {
  const { mode, keys } = config.authentication;
  if (!mode.includes('keys')) return undefined;
  const stored = new ApiKeys(records.keys, config.plans);
  await stored.checkPlans();
  return keys.length > 0 ? undefined : stored.createFirst(config.stores.dataDir);
}

/** A code for the key that the operator has: the one in the data directory, else the first of the configuration. */
function startCodeFor(config: Config, made: string | undefined, now: () => number): StartCode | undefined {
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
