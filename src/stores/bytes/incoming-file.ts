import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { onStorage } from '../faults.ts';

/** Up to here content is gathered in memory: a small file is then one write, and none when equal bytes are stored. */
const memoryBytes = 256 * 1024;
/** Pieces of content that are zeros are not written: a file system gives no space to whole blocks of them. */
const zeros = Buffer.alloc(64 * 1024);
const blockBytes = 4096;

/**
 * Content on its way into the store. Ends with `moveTo` or `discard`. `write` and `moveTo` throw DragomanError
 * storage_unavailable.
 */
export class IncomingFile {
  readonly #path: string;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  #handle: FileHandle | undefined;
  /** Where the next bytes of the open file go. */
  #position = 0;
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
    await onStorage(async () => this.#append(await this.#flushed(), chunk));
  }

  /** Makes the content durable and gives it its name; the name itself lasts once the directory is synced. */
  async moveTo(target: string): Promise<void> {
    await onStorage(async () => {
      const handle = await this.#flushed();
      // The end may be zeros that were not written.
      await handle.truncate(this.#position);
      await handle.sync();
      await this.#close();
      await rename(this.#path, target);
      this.#onDisk = false;
    });
  }

  /** The whole content: small, as it was gathered in memory; else the path of the temporary file, which stays until `discard`. */
  async finish(): Promise<Uint8Array | string> {
    if (!this.#onDisk) return Buffer.concat(this.#gathered);
    await onStorage(async () => {
      // The end may be zeros that were not written.
      await this.#handle?.truncate(this.#position);
      await this.#close();
    });
    return this.#path;
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
    await this.#append(handle, Buffer.concat(this.#gathered));
    this.#gathered = [];
    return handle;
  }

  /** Writes what is not zeros: holes of a sparse file are cheap to make, and stay holes here. */
  async #append(handle: FileHandle, bytes: Uint8Array): Promise<void> {
    let written = 0;
    for (let at = 0; at < bytes.byteLength; at += zeros.byteLength) {
      const end = Math.min(at + zeros.byteLength, bytes.byteLength);
      if (end - at < blockBytes || !zeros.subarray(0, end - at).equals(bytes.subarray(at, end))) continue;
      await this.#writeAt(handle, bytes.subarray(written, at), this.#position + written);
      written = end;
    }
    await this.#writeAt(handle, bytes.subarray(written), this.#position + written);
    this.#position += bytes.byteLength;
  }

  async #writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < bytes.byteLength; ) {
      const { bytesWritten } = await handle.write(bytes, at, bytes.byteLength - at, position + at);
      at += bytesWritten;
    }
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}
