import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { DragomanError, type StoredFile } from '../../core/index.ts';
import type { FileUse, JobFiles } from '../../runner/index.ts';
import type { FileService, OpenFileSet } from '../files/file-service.ts';
import type { CollectedFile, JobRoom, JobStorage } from './job-storage.ts';

/** What one job has stored, by path. */
interface Stored {
  readonly set: OpenFileSet;
  readonly files: Map<string, StoredFile>;
}

/** What one job may hand over without it being stored. */
interface Collected {
  readonly maxBytes: number;
  readonly files: Map<string, CollectedFile>;
  bytes: number;
}

/**
 * `JobFiles` over the stores of this process: a job may store files for its owner, within its owner's quota, from `begin` to `end`.
 * They are visible once they are recorded.
 */
export class StoredJobFiles implements JobFiles, JobStorage {
  readonly #fileService: FileService;
  /** Jobs under way: as many as are admitted. */
  readonly #jobs = new Map<string, Stored>();
  readonly #collecting = new Map<string, Collected>();

  constructor(fileService: FileService) {
    this.#fileService = fileService;
  }

  begin(jobId: string, { set }: JobRoom): undefined {
    this.#jobs.set(jobId, { set, files: new Map() });
  }

  collect(jobId: string, maxBytes: number): undefined {
    this.#collecting.set(jobId, { maxBytes, files: new Map(), bytes: 0 });
  }

  read(): undefined {}

  async collected(jobId: string): Promise<ReadonlyMap<string, CollectedFile>> {
    const files = this.#collecting.get(jobId)?.files ?? new Map();
    this.#collecting.delete(jobId);
    return files;
  }

  async stored(jobId: string): Promise<ReadonlyMap<string, StoredFile>> {
    return this.#jobs.get(jobId)?.files ?? new Map();
  }

  end(jobId: string): void {
    const stored = this.#jobs.get(jobId);
    this.#jobs.delete(jobId);
    if (stored) this.#fileService.release([...stored.files.values()]);
  }

  /** There is no other gateway. */
  leave(jobId: string): void {
    this.end(jobId);
  }

  open(_use: FileUse, digest: string): Promise<Readable> {
    return this.#fileService.content(digest);
  }

  async put(
    { jobId }: FileUse,
    path: string,
    content: AsyncIterable<Uint8Array>,
    maxBytes: number,
  ): Promise<{ readonly digest: string; readonly size: number }> {
    const collecting = this.#collecting.get(jobId);
    if (collecting) return gather(collecting, path, content);
    const job = this.#jobs.get(jobId);
    if (!job) throw new DragomanError('storage_unavailable', { message: 'The execution is over.' });
    const found = { name: path, contentType: undefined, readOnly: false, source: 'program', content } as const;
    const file = await this.#fileService.put(job.set, found, maxBytes);
    job.files.set(path, file);
    return { digest: file.digest, size: file.size };
  }
}

async function gather(
  collected: Collected,
  path: string,
  content: AsyncIterable<Uint8Array>,
): Promise<{ readonly digest: string; readonly size: number }> {
  const hash = createHash('sha256');
  const pieces: Uint8Array[] = [];
  for await (const piece of content) {
    collected.bytes += piece.byteLength;
    if (collected.bytes > collected.maxBytes) throw new DragomanError('too_large');
    hash.update(piece);
    // The piece may be a part of a buffer that its reader uses again.
    pieces.push(Buffer.from(piece));
  }
  const bytes = Buffer.concat(pieces);
  const digest = hash.digest('hex');
  collected.files.set(path, { bytes, digest });
  return { digest, size: bytes.length };
}
