import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDirectories } from '../core/index.ts';
import { runCommand, SetupError } from '../host/index.ts';

/** A folder in which an image is built; images are not looked for in it. */
export interface BuildingFolder {
  path: string;
  /** In a user namespace: where the root lies before it is the service's own. Its files belong to users of the namespace. */
  temporaryDir: string | undefined;
}

/** Users of a namespace must be able to enter it, so it cannot be a data directory below a private home. */
export const temporaryParent = '/var/tmp';

const prefix = '.building-';
const temporaryNote = 'temporary-folder';
const removeDeadlineMs = 600_000;

/** Makes a folder nothing else uses. It and the image in it can be entered by everybody. */
export function makeBuildingFolder(imagesDir: string, image: string, superuser: boolean): BuildingFolder {
  const path = mkdtempSync(join(imagesDir, `${prefix}${image}-${process.pid}-`));
  chmodSync(path, 0o755);
  if (superuser) return { path, temporaryDir: undefined };
  const temporaryDir = mkdtempSync(join(temporaryParent, 'dragoman-image-'));
  chmodSync(temporaryDir, 0o711);
  writeFileSync(join(path, temporaryNote), temporaryDir);
  return { path, temporaryDir };
}

/** Removes a folder an image was built in, with what lies elsewhere. */
export async function removeBuildingFolder(path: string): Promise<void> {
  const note = join(path, temporaryNote);
  if (existsSync(note)) await removeTemporary(readFileSync(note, 'utf8'));
  const { status, tail } = await runCommand('rm', ['-rf', '--one-file-system', path], { deadlineMs: removeDeadlineMs });
  if (status !== 0) throw new SetupError(`What is left of a build cannot be removed: ${path}\n${tail}`);
}

/** Removes a temporary folder whose files belong to users of a namespace. A builder just killed may write for a moment yet. */
export async function removeTemporary(temporaryDir: string): Promise<void> {
  if (!existsSync(temporaryDir)) return;
  const since = performance.now();
  for (let names = readdirSync(temporaryDir); names.length > 0; names = readdirSync(temporaryDir)) {
    const paths = names.map((name) => join(temporaryDir, name));
    const command = ['--unshare-helper', 'rm', '-rf', '--one-file-system', ...paths];
    const { status, tail } = await runCommand('mmdebstrap', command, { deadlineMs: removeDeadlineMs });
    if (status === 0) continue;
    if (performance.now() - since > removeDeadlineMs)
      throw new SetupError(`What is left of a build cannot be removed: ${temporaryDir}\n${tail}`);
    await sleep(500);
  }
  rmSync(temporaryDir, { recursive: true, force: true });
}

/** Removes what builders left that were killed. Only who holds the build lock may: then no other builder lives. */
export async function removeLeftovers(imagesDir: string): Promise<number> {
  const leftovers = readdirSync(imagesDir, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && entry.name.startsWith(prefix),
  );
  for (const { name } of leftovers) await removeBuildingFolder(join(imagesDir, name));
  return leftovers.length;
}

/** A folder that others may enter whatever the umask says; an existing one is left as it is. */
export function makeOpenFolder(path: string, mode: number): void {
  if (makeDirectories(path, mode) !== undefined) chmodSync(path, mode);
}
