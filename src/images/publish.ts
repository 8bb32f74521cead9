import { readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Progress, runCommand } from '../host/index.ts';
import type { ImageDefinition } from './image-definition.ts';
import type { ImageManifest } from './image-manifest.ts';

const flushDeadlineMs = 300_000;

/** The rename is what makes an image: everything is on disk before it, so that losing power cannot leave an image of holes. */
export async function publish(path: string, place: string, manifest: ImageManifest, progress: Progress): Promise<void> {
  progress.phase('Writing the image to disk');
  rmSync(join(path, 'smoke'), { recursive: true });
  rmSync(join(path, 'temporary-folder'), { force: true });
  writeFileSync(join(path, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o644 });
  await runCommand('sync', ['--file-system', path], { deadlineMs: flushDeadlineMs });
  renameSync(path, place);
  progress.end();
}

/** Tells which images of this name are not used any more. */
export function noteOlderImages(imagesDir: string, { name, hash }: ImageDefinition, progress: Progress): void {
  const older = readdirSync(imagesDir).filter(
    (entry) =>
      entry.startsWith(`${name}-`) && entry !== `${name}-${hash}` && statSync(join(imagesDir, entry)).isDirectory(),
  );
  if (older.length > 0)
    progress.note(
      `Older images can be removed when nothing runs from them: ${older.map((it) => join(imagesDir, it)).join(' ')}`,
    );
}
