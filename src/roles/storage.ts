import { join } from 'node:path';
import type { Config } from '../config/index.ts';
import { FileService, FileSweeper, UsageLedger } from '../service/index.ts';
import {
  createDiskBytes,
  createFileStore,
  createSqliteRecords,
  type Records,
  removeUnrecordedContents,
} from '../stores/index.ts';
import type { Common } from './common.ts';

/** What lasts, and the services that only that concerns. */
export interface Storage {
  readonly records: Records;
  readonly usage: UsageLedger;
  readonly fileService: FileService;
}

/** The records of a data directory, not yet started. */
export function openRecords(config: Config): Records {
  return createSqliteRecords({
    path: join(config.stores.dataDir, 'dragoman.db'),
    documentBytes: config.stores.recordBytes,
  });
}

/** Opens the stores of a data directory that is locked. @throws DragomanError storage_unavailable */
export async function startStorage(config: Config, { logger, now, lifetime }: Common): Promise<Storage> {
  const { dataDir, retentionMs } = config.stores;
  const records = openRecords(config);
  await records.start();
  lifetime.add(() => records.close());
  const { contents, leases } = records;
  const filesDir = join(dataDir, 'files');
  const bytes = createDiskBytes({ directory: filesDir });
  const files = createFileStore({ bytes, contents, leases, now });
  const unfinished = await files.start();
  if (unfinished > 0) logger.info({ files: unfinished }, 'removed unfinished files of a server that was killed');
  lifetime.add(() => files.close());
  const removed = await removeUnrecordedContents(filesDir, contents);
  if (removed > 0) logger.info({ contents: removed }, 'removed stored bytes that no record knew');
  const usage = new UsageLedger({ records: records.usage, logger, now });
  lifetime.add(() => usage.close());
  usage.start();
  const { maxUploadBytes: maxFileBytes, maxUploadFiles } = config.http;
  const limits = { maxFileBytes, maxUploadFiles, retentionMs };
  const fileService = new FileService({ files, records, usage, plans: config.plans, ...limits, now });
  const sweeper = new FileSweeper({ files: fileService, records, retentionMs, logger, now });
  lifetime.add(() => sweeper.close());
  sweeper.start();
  return { records, usage, fileService };
}
