import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import { FileService, FileSweeper, UsageLedger } from '../service/index.ts';
import {
  type Bytes,
  createDiskBytes,
  createFileStore,
  createPostgresRecords,
  createRemoteBytes,
  createS3Bytes,
  createSqliteRecords,
  type DirectBytes,
  lockPostgres,
  type Owner,
  type Records,
  removeUnrecordedContents,
} from '../stores/index.ts';
import type { Common } from './common.ts';

/** What lasts, and the services that only that concerns. */
export interface Storage {
  readonly records: Records;
  readonly usage: UsageLedger;
  readonly fileService: FileService;
  /** How workers elsewhere move bytes themselves; undefined: these bytes are in this process alone. */
  readonly direct: DirectBytes | undefined;
}

/** The records of the configuration's database, or else of its data directory; not yet started. */
export function openRecords({ stores: { dataDir, databaseUrl, recordBytes: documentBytes } }: Config): Records {
  return databaseUrl === undefined
    ? createSqliteRecords({ path: join(dataDir, 'dragoman.db'), documentBytes })
    : createPostgresRecords({ url: databaseUrl, documentBytes });
}

/** Where the bytes of files are: the configuration's bucket, or else its data directory; not yet started. */
export function openBytes({ stores: { dataDir, filesPlace, filesSecret = '' } }: Config): Bytes {
  const directory = filesDirOf(dataDir);
  if (!filesPlace) return createDiskBytes({ directory });
  if ('bucket' in filesPlace) return createS3Bytes({ place: filesPlace, directory });
  return createRemoteBytes({ url: filesPlace.url, secret: byteServerKey(filesSecret), directory, now: Date.now });
}

/** What gateways and a files role sign with. */
export function byteServerKey(secret: string): Uint8Array {
  return createHash('sha256').update(secret).digest();
}

export function filesDirOf(dataDir: string): string {
  return join(dataDir, 'files');
}

/** Opens the stores of a data directory that is locked. @throws DragomanError storage_unavailable */
export async function startStorage(config: Config, { logger, now, lifetime }: Common): Promise<Storage> {
  const { dataDir, databaseUrl, filesPlace, retentionMs } = config.stores;
  // Gateways share a database, and what lies beside it.
  const isAlone = config.cluster.role === 'all';
  if (databaseUrl !== undefined && isAlone) {
    const lock = await lockPostgres(databaseUrl);
    lifetime.add(() => lock.release());
  }
  const records = openRecords(config);
  await records.start();
  lifetime.add(() => records.close());
  const { contents, leases } = records;
  const bytes = openBytes(config);
  const files = createFileStore({ bytes, contents, leases, now });
  const unfinished = await files.start();
  if (unfinished > 0) logger.info({ files: unfinished }, 'removed unfinished files of a server that was killed');
  lifetime.add(() => files.close());
  const removed = filesPlace || !isAlone ? 0 : await removeUnrecordedContents(filesDirOf(dataDir), contents);
  if (removed > 0) logger.info({ contents: removed }, 'removed stored bytes that no record knew');
  const usage = new UsageLedger({ records: records.usage, logger, now });
  lifetime.add(() => usage.close());
  usage.start();
  const { maxUploadBytes: maxFileBytes, maxUploadFiles } = config.http;
  const limits = { maxFileBytes, maxUploadFiles, retentionMs };
  const held = isAlone ? undefined : (owner: Owner) => records.jobHolds.held(owner, now());
  const fileService = new FileService({ files, records, held, usage, plans: config.plans, ...limits, now });
  const sweeper = new FileSweeper({ files: fileService, records, retentionMs, logger, now });
  lifetime.add(() => sweeper.close());
  sweeper.start();
  return { records, usage, fileService, direct: bytes.direct };
}
