import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { onStorage } from '../faults.ts';

/** Up to here content is gathered in memory: a small file is then one write, and no write when it is stored already. */
const memoryBytes = 256 * 1024;

/**
 * Content on its way into the store, hashed while it arrives. Ends with `moveTo` or `discard`. Every method that touches
 * the disk throws DragomanError storage_unavailable.
 */
export class IncomingFile {
  readonly #path: string;
  readonly #hash = createHash('sha256');
  #gathered: Buffer[] = [];
  #handle: FileHandle | undefined;
  #size = 0;
  #onDisk = false;

  /** `path` is where it lies until it is complete, on the file system of its destination. */
  constructor(path: string) {
    this.#path = path;
  }

  get size(): number {
    return this.#size;
  }

  /** Takes the next bytes; the caller may reuse the chunk afterwards. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.#size += chunk.byteLength;
    if (this.#size <= memoryBytes) {
      this.#gathered.push(Buffer.from(chunk));
      return;
    }
    await onStorage(async () => {
      await this.#flush();
      await this.#handle?.writeFile(chunk);
    });
  }

  /** The sha256 of everything written, in lower-case hexadecimal. No more may be written afterwards. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  /** Makes the content durable and gives it its name; the name itself lasts once the directory is synced. */
  async moveTo(target: string): Promise<void> {
    await onStorage(async () => {
      await this.#flush();
      await this.#handle?.sync();
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

  async #flush(): Promise<void> {
    this.#handle ??= await open(this.#path, 'wx', 0o600);
    this.#onDisk = true;
    if (this.#gathered.length === 0) return;
    await this.#handle.writeFile(Buffer.concat(this.#gathered));
    this.#gathered = [];
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}
