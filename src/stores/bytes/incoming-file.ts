import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { onStorage } from '../faults.ts';

/** Up to here content is gathered in memory: a small file is then one write, and none when it turns out to be stored. */
const memoryBytes = 256 * 1024;

/**
 * Content on its way into the store. Ends with `moveTo` or `discard`. `write` and `moveTo` throw DragomanError
 * storage_unavailable.
 */
export class IncomingFile {
  readonly #path: string;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  #handle: FileHandle | undefined;
  #onDisk = false;

  /** `path` is where it lies until it is complete, on the file system of its destination. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Takes the next bytes; the caller may reuse the chunk afterwards. */
  async write(chunk: Uint8Array): Promise<void> {
    if (!this.#handle && this.#gatheredBytes + chunk.byteLength <= memoryBytes) {
      this.#gathered.push(Buffer.from(chunk));
      this.#gatheredBytes += chunk.byteLength;
      return;
    }
    await onStorage(async () => {
      const handle = await this.#flushed();
      await handle.writeFile(chunk);
    });
  }

  /** Makes the content durable and gives it its name; the name itself lasts once the directory is synced. */
  async moveTo(target: string): Promise<void> {
    await onStorage(async () => {
      const handle = await this.#flushed();
      await handle.sync();
      await this.#close();
      await rename(this.#path, target);
      this.#onDisk = false;
    });
  }

  /** Removes what lies on the disk; after `moveTo` there is nothing. A temporary file that resists waits for `start`. */
  async discard(): Promise<void> {
    this.#gathered = [];
    await this.#close().catch(() => {});
    if (this.#onDisk) await rm(this.#path, { force: true }).catch(() => {});
  }

  /** The temporary file, holding everything that was written so far. */
  async #flushed(): Promise<FileHandle> {
    if (this.#handle) return this.#handle;
    const handle = await open(this.#path, 'wx', 0o600);
    this.#handle = handle;
    this.#onDisk = true;
    await handle.writeFile(Buffer.concat(this.#gathered));
    this.#gathered = [];
    return handle;
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}
