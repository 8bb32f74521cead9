import type { Readable } from 'node:stream';
import yazl from 'yazl';
import { modeOf, type StoredFile } from '../../core/index.ts';

/** What begins like the drive of another system is below the folder all the same, and says so. */
const entryName = (name: string) => (/^[a-z]:/i.test(name) ? `./${name}` : name);

/**
 * A zip of stored files, made while it is read. One file is open at a time; the one that is open is closed when the reader
 * leaves. What a file fails with ends the stream with an error.
 */
export function zipOf(files: readonly StoredFile[], open: (file: StoredFile) => Promise<Readable>): Readable {
  const zip = new yazl.ZipFile();
  const output = zip.outputStream as Readable;
  let current: Readable | undefined;
  for (const file of files) {
    zip.addReadStreamLazy(
      entryName(file.name),
      { size: file.size, mtime: new Date(file.createdAt), mode: 0o100000 | modeOf(file) },
      (use) => {
        if (output.destroyed) return;
        open(file).then(
          (content) => {
            current = content;
            if (output.destroyed) content.destroy();
            else use(null, content);
          },
          (error: Error) => use(error, undefined as unknown as Readable),
        );
      },
    );
  }
  zip.on('error', (error) => output.destroy(error));
  output.once('close', () => current?.destroy());
  zip.end();
  return output;
}
