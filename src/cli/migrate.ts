import { type Config, loadConfig, parseFilesPlace, parsePostgresUrl } from '../config/index.ts';
import { DragomanError } from '../core/index.ts';
import { createProgress, type Progress } from '../host/index.ts';
import { openBytes, openRecords } from '../roles/index.ts';
import { copyBytes, copyRecords, lockDirectory, lockPostgres, recordedContents } from '../stores/index.ts';

/** Where records and bytes are and where they go, as the command line names them. */
export interface MigrateOptions {
  /** `sqlite` or the URL of a PostgreSQL database. */
  readonly from: string;
  readonly to?: string;
  /** `disk` or the URL of a bucket. */
  readonly filesFrom: string;
  readonly filesTo?: string;
}

/**
 * Copies an installation to another database, its files to another place, or both. The old ones stay as they are. No server may use
 * either meanwhile.
 * @throws DragomanError invalid_request for words it does not understand and for a database that is not empty; storage_unavailable
 */
export async function migrate({ from, to, filesFrom, filesTo }: MigrateOptions): Promise<void> {
  if (to === undefined && filesTo === undefined) throw refusal('say where to: --to, --files-to or both');
  const config = loadConfig();
  const source = placed(config, from, filesFrom);
  const target = placed(config, to ?? from, filesTo ?? filesFrom);
  const locks = [lockDirectory(config.stores.dataDir)] as { release(): unknown }[];
  const progress = createProgress({ stream: process.stdout });
  try {
    for (const url of new Set([source, target].flatMap(({ stores }) => stores.databaseUrl ?? [])))
      locks.push(await lockPostgres(url));
    if (to !== undefined) await copyAllRecords(source, target, progress);
    if (filesTo !== undefined) await copyAllBytes(source, target, progress);
    progress.note('Done. The old place still has everything; set the service to the new one before it starts:');
    for (const line of settingsOf(target)) progress.note(`  ${line}`);
  } finally {
    progress.end();
    for (const lock of locks.reverse()) await lock.release();
  }
}

async function copyAllRecords(source: Config, target: Config, progress: Progress): Promise<void> {
  if (source.stores.databaseUrl === target.stores.databaseUrl) throw refusal('--from and --to are the same');
  const [old, fresh] = [openRecords(source), openRecords(target)];
  try {
    await old.start();
    await fresh.start();
    progress.phase('Copying records');
    const counts = await copyRecords(old, fresh, (table, rows) => progress.detail(`${table} ${rows}`));
    progress.end();
    const told = Object.entries(counts).filter(([, count]) => count > 0);
    progress.note(`Records: ${told.map(([table, count]) => `${count} ${table}`).join(', ') || 'there were none'}.`);
  } finally {
    await old.close();
    await fresh.close();
  }
}

async function copyAllBytes(source: Config, target: Config, progress: Progress): Promise<void> {
  const [old, fresh, records] = [openBytes(source), openBytes(target), openRecords(target)];
  try {
    await records.start();
    await old.start();
    await fresh.start();
    progress.phase('Copying files');
    const { copied, missing } = await copyBytes(recordedContents(records), old, fresh, (seen) =>
      progress.detail(String(seen)),
    );
    progress.end();
    progress.note(`Files: ${copied} contents were copied.`);
    if (missing.length > 0)
      progress.note(`${missing.length} contents are not in the old place; the first is ${missing[0]}.`);
  } finally {
    for (const part of [old, fresh, records]) await part.close();
  }
}

/** A configuration whose records and bytes are there. */
function placed(config: Config, database: string, files: string): Config {
  return {
    ...config,
    stores: {
      ...config.stores,
      databaseUrl: database === 'sqlite' ? undefined : understood(() => parsePostgresUrl(database), 'a database'),
      filesPlace: files === 'disk' ? undefined : understood(() => parseFilesPlace(files), 'a place of files'),
    },
  };
}

function understood<T>(parse: () => T, what: string): T {
  try {
    return parse();
  } catch (error) {
    throw refusal(`${what} ${(error as Error).message}`);
  }
}

function refusal(message: string): DragomanError {
  return new DragomanError('invalid_request', { message });
}

function settingsOf({ stores: { databaseUrl, filesPlace } }: Config): string[] {
  return [
    databaseUrl === undefined ? 'DRAGOMAN_DATABASE_URL unset' : 'DRAGOMAN_DATABASE_URL=<what you gave as --to>',
    filesPlace === undefined ? 'DRAGOMAN_FILES_URL unset' : 'DRAGOMAN_FILES_URL=<what you gave as --files-to>',
  ];
}
