import type { Readable } from 'node:stream';
import { DragomanError, type StoredFile } from '../../core/index.ts';
import type { JobFiles } from '../../runner/index.ts';
import type { FileService, OpenFileSet } from '../files/file-service.ts';

/** What one job has stored, by path. */
interface Stored {
  readonly set: OpenFileSet;
  readonly files: Map<string, StoredFile>;
}

/**
 * `JobFiles` over the stores of this process: a job may store files for its owner, within its owner's quota, from `begin` to `end`.
 * They are visible once they are recorded.
 */
export class StoredJobFiles implements JobFiles {
  readonly #fileService: FileService;
  /** Jobs under way: as many as are admitted. */
  readonly #jobs = new Map<string, Stored>();

  constructor(fileService: FileService) {
    this.#fileService = fileService;
  }

  /** Lets a job store files of this file set. */
  begin(jobId: string, set: OpenFileSet): void {
    this.#jobs.set(jobId, { set, files: new Map() });
  }

  /** What the job has stored, by path. */
  stored(jobId: string): ReadonlyMap<string, StoredFile> {
    return this.#jobs.get(jobId)?.files ?? new Map();
  }

  /** The job is over: what of its files is not recorded is given up. */
  end(jobId: string): void {
    const stored = this.#jobs.get(jobId);
    this.#jobs.delete(jobId);
    if (stored) this.#fileService.release([...stored.files.values()]);
  }

  open(digest: string): Promise<Readable> {
    return this.#fileService.content(digest);
  }

  async put(
    jobId: string,
    path: string,
    content: AsyncIterable<Uint8Array>,
    maxBytes: number,
  ): Promise<{ readonly digest: string; readonly size: number }> {
    const job = this.#jobs.get(jobId);
    if (!job) throw new DragomanError('storage_unavailable', { message: 'The execution is over.' });
    const found = { name: path, contentType: undefined, readOnly: false, source: 'program', content } as const;
    const file = await this.#fileService.put(job.set, found, maxBytes);
    job.files.set(path, file);
    return { digest: file.digest, size: file.size };
  }
}
