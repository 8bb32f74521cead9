import { buffer } from 'node:stream/consumers';
import { DragomanError, type Logger, type StoredFile } from '../../core/index.ts';
import type { DirectBytes, JobHolds, RecordedJobHold } from '../../stores/index.ts';
import type { CollectedFile, JobReads, JobRoom, JobStorage } from '../executions/job-storage.ts';
import { contentTypeOf } from '../files/content-type.ts';
import type { FileService } from '../files/file-service.ts';
import { sealPass } from './passes.ts';

export interface GrantedJobFilesOptions {
  readonly fileService: Pick<FileService, 'content' | 'collect'>;
  readonly direct: DirectBytes;
  readonly holds: JobHolds;
  /** Of all gateways. */
  readonly secret: Uint8Array;
  readonly logger: Logger;
  readonly now: () => number;
}

/** How long a worker may ask for a job: longer than any execution that waits for answers to its tools. */
const passMs = 24 * 3_600_000;
/** Contents that are looked at at once. */
const checksAtOnce = 8;

/**
 * `JobStorage` for workers elsewhere, which read and store bytes themselves by grants (`GrantDesk`). What a job may store is in the records,
 * so that any gateway can record its files; here is only whose they become.
 */
export class GrantedJobFiles implements JobStorage {
  readonly #options: GrantedJobFilesOptions;
  /** Jobs under way that this gateway records: as many as are admitted. */
  readonly #jobs = new Map<string, { readonly room: JobRoom; proven: readonly string[] }>();
  #releasing: Promise<unknown> = Promise.resolve();

  constructor(options: GrantedJobFilesOptions) {
    this.#options = options;
  }

  begin(jobId: string, room: JobRoom, reads: JobReads): string {
    this.#jobs.set(jobId, { room, proven: [] });
    const { tenant, principalId: id, quota } = room.set;
    return this.#pass(jobId, reads, { owner: { tenant, id, quota }, maxBytes: room.maxBytes });
  }

  collect(jobId: string, maxBytes: number, reads: JobReads): string {
    return this.#pass(jobId, reads, { owner: null, maxBytes });
  }

  read(jobId: string, reads: JobReads): string {
    return this.#pass(jobId, reads, null);
  }

  async stored(jobId: string): Promise<ReadonlyMap<string, StoredFile>> {
    const job = this.#jobs.get(jobId);
    if (!job) return new Map();
    const createdAt = this.#options.now();
    const held = await this.#received(await this.#options.holds.list(jobId));
    job.proven = held.flatMap(({ id, isProven }) => (isProven ? [id] : []));
    return new Map(
      held.map(({ id, path, digest, size }) => {
        const file = { id, sessionId: job.room.set.id, name: path, size, digest, createdAt } as const;
        return [path, { ...file, contentType: contentTypeOf(path, undefined), readOnly: false, source: 'program' }];
      }),
    );
  }

  async collected(jobId: string): Promise<ReadonlyMap<string, CollectedFile>> {
    try {
      const held = await this.#received(await this.#options.holds.list(jobId));
      const files = new Map<string, CollectedFile>();
      for (const { path, digest, size } of held) {
        const bytes = await buffer(await this.#options.fileService.content(digest));
        if (bytes.length !== size) throw new DragomanError('storage_unavailable');
        files.set(path, { bytes, digest });
      }
      return files;
    } finally {
      this.#release(jobId);
    }
  }

  end(jobId: string): void {
    const job = this.#jobs.get(jobId);
    if (!job) return;
    this.#jobs.delete(jobId);
    this.#release(jobId, job.proven);
  }

  leave(jobId: string): void {
    this.#jobs.delete(jobId);
  }

  /** Waits for what is being given up. */
  async close(): Promise<void> {
    await this.#releasing;
  }

  /** Those whose bytes are there and came from the job's own worker. */
  async #received(held: readonly RecordedJobHold[]): Promise<RecordedJobHold[]> {
    const there: RecordedJobHold[] = [];
    for (let at = 0; at < held.length; at += checksAtOnce) {
      const some = held.slice(at, at + checksAtOnce);
      const are = await Promise.all(
        some.map(({ id: hold, digest, size }) => this.#options.direct.received({ hold, digest, size })),
      );
      there.push(...some.filter((_, index) => are[index]));
    }
    return there;
  }

  /** What became no file is given up. A hold that cannot be given up now ends by itself. */
  #release(jobId: string, recorded: readonly string[] = []): void {
    const release = async () => {
      const { holds, direct, fileService, now } = this.#options;
      const released = await holds.release(jobId, now());
      const proven = new Set([...recorded, ...released.flatMap(({ id, isProven }) => (isProven ? [id] : []))]);
      if (proven.size > 0) await direct.forgetProofs([...proven]);
      if (released.length > 0) await fileService.collect();
    };
    const done = release().catch((error) =>
      this.#options.logger.warn({ error: String(error.cause ?? error) }, 'bytes of a job were not given up'),
    );
    this.#releasing = Promise.all([this.#releasing, done]);
  }

  #pass(jobId: string, reads: JobReads, stores: Parameters<typeof sealPass>[0]['stores']): string {
    const { secret, now } = this.#options;
    return sealPass({ jobId, reads, stores, until: now() + passMs }, secret);
  }
}
