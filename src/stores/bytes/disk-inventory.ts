import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../directories.ts';
import { hasCode, onStorage } from '../faults.ts';
import type { ContentRecords } from '../records/content-records.ts';
import { isDigest } from './bytes.ts';

/** Says that every content in the directory is recorded, as each is since version 0.2. */
const marker = 'contents-are-recorded';

/**
 * Removes contents of a disk directory that have no record. Version 0.1 stored bytes before it recorded them and left some of
 * each last hour. Happens once in the life of a directory; afterwards nothing is listed. Call it before anything is stored.
 * @returns how many contents were removed
 * @throws DragomanError storage_unavailable
 */
export async function removeUnrecordedContents(
  directory: string,
  contents: Pick<ContentRecords, 'recorded'>,
): Promise<number> {
  return onStorage(async () => {
    const names = await readdir(directory);
    if (names.includes(marker)) return 0;
    let removed = 0;
    for (const shard of names.filter((name) => /^[0-9a-f]{2}$/.test(name))) {
      const digests = (await readdir(join(directory, shard))).map((name) => shard + name).filter(isDigest);
      const recorded = new Set(await contents.recorded(digests));
      for (const digest of digests) {
        if (recorded.has(digest)) continue;
        await rm(join(directory, shard, digest.slice(2)), { force: true });
        removed++;
      }
    }
    try {
      await writeFile(join(directory, marker), '', { flag: 'wx', mode: 0o600 });
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    await syncDirectory(directory);
    return removed;
  });
}
