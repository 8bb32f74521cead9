import type { Config } from '../config/index.ts';
import type { TierState } from '../core/index.ts';
import { memoryJobLog } from '../runner/index.ts';
import { StoredJobFiles } from '../service/index.ts';
import { lockDirectory } from '../stores/index.ts';
import { startCommon } from './common.ts';
import { type FirstKey, prepareKeys, startCodeFor } from './first-key.ts';
import { startGateway } from './gateway.ts';
import { startStorage } from './storage.ts';
import { type Image, startWorker } from './worker.ts';

/** A running service. */
export interface Service {
  /** `http://host:port` as one can call it. */
  readonly url: string;
  readonly firstKey: FirstKey | undefined;
  /** Signs one browser of this machine in; undefined where the pages need no sign-in or are not served. */
  readonly startCode: string | undefined;
  /** What sandboxes of this process may be behind; empty: it has none. */
  readonly tiers: readonly TierState[];
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
    const runner = await startWorker(config, image, { files: jobFiles, events: memoryJobLog() }, common);
    const startCode = startCodeFor(config, firstKey?.secret, common.now);
    const url = await startGateway(
      config,
      { ...storage, jobFiles, runner, version, imageId: image.imageId, startCode },
      common,
    );
    return { url, firstKey, startCode: startCode?.text, tiers: await runner.tiers(), close };
  } catch (error) {
    // What kept it from starting says more than what then could not be closed.
    await close().catch(() => {});
    throw error;
  }
}
