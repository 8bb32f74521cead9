import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import { ByteServer, createDiskBytes, lockDirectory } from '../stores/index.ts';
import { startCommon } from './common.ts';
import { byteServerKey, filesDirOf } from './storage.ts';

const shutdownMs = 10_000;

/** A running files role. */
export interface FilesProcess {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The role `files`: keeps the bytes of files on its disk for gateways and workers, where there is no S3 server. It knows no user and no
 * database; gateways sign what may be done.
 */
export async function startFilesRole(config: Config, version: string): Promise<FilesProcess> {
  const common = await startCommon(config, 'files', version);
  const { lifetime, logger, now } = common;
  const { dataDir, filesSecret } = config.stores;
  try {
    const lock = lockDirectory(dataDir);
    lifetime.add(() => lock.release());
    const bytes = createDiskBytes({ directory: filesDirOf(dataDir) });
    const unfinished = await bytes.start();
    if (unfinished > 0) logger.info({ files: unfinished }, 'removed unfinished files of a server that was killed');
    lifetime.add(() => bytes.close());
    const secret = byteServerKey(filesSecret!);
    const server = new ByteServer({ bytes, directory: join(dataDir, 'proofs'), secret, logger, now });
    lifetime.add(() => server.close(shutdownMs));
    const { host, port } = await server.start(config.http.host, config.http.port);
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
    return { url, close: () => lifetime.close() };
  } catch (error) {
    await lifetime.close().catch(() => {});
    throw error;
  }
}
