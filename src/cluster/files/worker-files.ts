import type { FileHandle } from 'node:fs/promises';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DragomanError, newId } from '../../core/index.ts';
import type { FileUse, JobFiles, JobInput } from '../../runner/index.ts';
import { IncomingFile, receiveInto, type SignedRequest } from '../../stores/index.ts';
import { ByteCache } from './byte-cache.ts';
import { Transfers } from './transfers.ts';

/** What a worker asks a gateway (`GrantDesk`), and what it is answered. */
export interface GrantAsk {
  readonly pass: string;
  readonly get?: readonly string[];
  readonly put?: readonly { readonly path: string; readonly digest: string; readonly size: number }[];
  readonly prove?: readonly { readonly path: string; readonly digest: string; readonly size: number }[];
}

export interface Granted {
  readonly get: readonly SignedRequest[];
  readonly put: readonly SignedRequest[];
  readonly prove: readonly SignedRequest[];
}

export interface WorkerFilesOptions {
  /** Asks any gateway. @throws DragomanError of the gateway; storage_unavailable when none answers */
  ask(question: GrantAsk): Promise<Granted>;
  /** Of this process alone. */
  readonly directory: string;
  /** What contents that were used may take on the disk. */
  readonly cacheBytes: number;
}

/** How much is fetched ahead: contents of one question, and how many of them at once. */
const askedAtOnce = 64;
const fetchedAtOnce = 8;
/** Bytes that jobs have made and that are not stored yet, on the disk of this worker. */
const maxStagedBytes = 8 * 1024 ** 3;

/**
 * `JobFiles` of a worker that has no credentials: it asks a gateway for signed requests, moves the bytes itself, and keeps what it has read
 * and stored on its disk. Bytes are used only when they have the digest that they were asked for by.
 */
export class WorkerFiles implements JobFiles {
  readonly #options: WorkerFilesOptions;
  readonly #incoming: string;
  readonly #cache: ByteCache;
  readonly #transfers = new Transfers();
  /** Contents on their way, by owner and digest. */
  readonly #fetching = new Map<string, Promise<FileHandle>>();
  #stagedBytes = 0;

  constructor(options: WorkerFilesOptions) {
    this.#options = options;
    this.#incoming = join(options.directory, 'incoming');
    this.#cache = new ByteCache({ directory: join(options.directory, 'cache'), maxBytes: options.cacheBytes });
  }

  async start(): Promise<void> {
    await rm(this.#incoming, { recursive: true, force: true });
    await mkdir(this.#incoming, { recursive: true, mode: 0o700 });
    await this.#cache.start();
  }

  close(): void {
    this.#transfers.close();
  }

  /** Bytes that its cache holds. */
  get cachedBytes(): number {
    return this.#cache.bytes;
  }

  async open(use: FileUse, digest: string): Promise<AsyncIterable<Uint8Array>> {
    return streamOf(await this.#handle(use, digest));
  }

  expect(use: FileUse, inputs: readonly JobInput[]): void {
    const missing = [...new Set(inputs.map(({ digest }) => digest))].filter(
      (digest) => !this.#cache.has(use.owner, digest) && !this.#fetching.has(keyOf(use, digest)),
    );
    // One alone is fetched when it is opened.
    if (missing.length > 1) void this.#fetchAhead(use, missing.slice(0, askedAtOnce)).catch(() => {});
  }

  async put(
    use: FileUse,
    path: string,
    content: AsyncIterable<Uint8Array>,
    maxBytes: number,
  ): Promise<{ readonly digest: string; readonly size: number }> {
    const file = new IncomingFile(join(this.#incoming, newId()));
    let staged = 0;
    try {
      const { digest, size } = await receiveInto(
        file,
        this.#counted(content, (bytes) => {
          staged += bytes;
        }),
        maxBytes,
      );
      const bytes = await file.finish();
      const wanted = { path, digest, size };
      const pass = passOf(use);
      const { put } = await this.#options.ask({ pass, put: [wanted] });
      if ((await this.#transfers.put(only(put), { size, content: bytes })) === 'there') {
        // Equal bytes of another: shown to be ours as well by being sent again.
        const { prove } = await this.#options.ask({ pass, prove: [wanted] });
        await this.#transfers.put(only(prove), { size, content: bytes });
      }
      // The next sandbox of the session begins with it. A cache that fails is none.
      await this.#cache.add(use.owner, digest, size, bytes).then(
        (handle) => handle.close(),
        () => {},
      );
      return { digest, size };
    } finally {
      this.#stagedBytes -= staged;
      await file.discard();
    }
  }

  /** The content, from the cache or from the store. Several that want it at once fetch it once. */
  async #handle(use: FileUse, digest: string): Promise<FileHandle> {
    const cached = await this.#cache.open(use.owner, digest);
    if (cached) return cached;
    const ahead = this.#fetching.get(keyOf(use, digest));
    if (ahead) {
      // What was fetched ahead is in the cache; where it failed, or is too large to stay, it is fetched for this reader.
      await ahead.catch(() => {});
      const fetched = await this.#cache.open(use.owner, digest);
      if (fetched) return fetched;
    }
    const { get } = await this.#options.ask({ pass: passOf(use), get: [digest] });
    return this.#fetch(use, digest, only(get));
  }

  async #fetchAhead(use: FileUse, digests: readonly string[]): Promise<void> {
    const asked = this.#options.ask({ pass: passOf(use), get: digests });
    const waiting = digests.map((digest, index) => ({ digest, index }));
    const turns = Array.from({ length: fetchedAtOnce }, () => Promise.resolve());
    for (const { digest, index } of waiting) {
      const turn = index % fetchedAtOnce;
      const before = turns[turn]!;
      const fetched = before.then(async () => this.#fetch(use, digest, at((await asked).get, index)));
      const key = keyOf(use, digest);
      this.#fetching.set(key, fetched);
      turns[turn] = fetched
        .then(
          (handle) => handle.close(),
          () => {},
        )
        .finally(() => {
          if (this.#fetching.get(key) === fetched) this.#fetching.delete(key);
        });
    }
    await Promise.all(turns);
  }

  async #fetch(use: FileUse, digest: string, request: SignedRequest): Promise<FileHandle> {
    const made = () => new IncomingFile(join(this.#incoming, newId()));
    const { file, size } = await this.#transfers.get(request, digest, made);
    try {
      return await this.#cache.add(use.owner, digest, size, await file.finish());
    } finally {
      await file.discard();
    }
  }

  /** Takes what a job has made, within what the disk may take. */
  async *#counted(content: AsyncIterable<Uint8Array>, note: (bytes: number) => void): AsyncGenerator<Uint8Array> {
    for await (const piece of content) {
      if (this.#stagedBytes + piece.byteLength > maxStagedBytes)
        throw new DragomanError('storage_unavailable', { message: 'Too many files wait to be stored.' });
      this.#stagedBytes += piece.byteLength;
      note(piece.byteLength);
      yield piece;
    }
  }
}

const keyOf = ({ owner }: FileUse, digest: string) => `${owner} ${digest}`;

function passOf({ pass }: FileUse): string {
  if (pass === undefined) throw new DragomanError('storage_unavailable', { message: 'The job has no pass for bytes.' });
  return pass;
}

const only = (requests: readonly SignedRequest[] | undefined) => at(requests, 0);

/** @throws DragomanError storage_unavailable where a gateway has answered something else */
function at(requests: readonly SignedRequest[] | undefined, index: number): SignedRequest {
  const request = requests?.[index];
  if (!request) throw new DragomanError('storage_unavailable', { message: 'A gateway gave no signed request.' });
  return request;
}

/** The content; the handle is closed with the stream. */
function streamOf(handle: FileHandle): AsyncIterable<Uint8Array> {
  return handle.createReadStream();
}
