import type { Readable } from 'node:stream';
import {
  type ByteRange,
  DragomanError,
  type FileClaim,
  type FileRef,
  type FileScope,
  type FileSet,
  isId,
  newId,
  type Plans,
  type Principal,
  pathFault,
  planOf,
  type StorageUse,
  type StoredFile,
} from '../../core/index.ts';
import type { FileQuota, FileSetRevision, FileStore, Once, Owner, Records } from '../../stores/index.ts';
import type { UsageMeter } from '../usage/usage.ts';
import { mayUse } from './access.ts';
import { contentTypeOf } from './content-type.ts';
import type { Files, OpenedFile, UploadFile, UploadOutcome } from './files.ts';
import { type Reservation, StorageQuota } from './quota.ts';

export interface FileServiceOptions {
  /** The bytes. */
  readonly files: FileStore;
  readonly records: Pick<Records, 'files'>;
  /** What workers elsewhere are storing for an owner. Absent: there are none. */
  readonly held?: ((owner: Owner) => Promise<{ readonly bytes: number; readonly files: number }>) | undefined;
  readonly usage: UsageMeter;
  /** What principals may store. */
  readonly plans: Plans;
  readonly maxFileBytes: number;
  readonly maxUploadFiles: number;
  readonly retentionMs: number;
  readonly now: () => number;
}

/** A file set as its owner puts files into it. */
export interface OpenFileSet extends FileSet {
  /** The most that all files of its owner may take together. */
  readonly quota: FileQuota;
}

/** A change of a file set by its owner or a worker. */
export type FileSetChange = Omit<FileSetRevision, 'expiresAt' | 'quota'>;

/** A file about to be recorded. */
export interface NewFile {
  readonly name: string;
  readonly contentType: string | undefined;
  readonly readOnly: boolean;
  /** Unix permission bits where they are known. */
  readonly mode?: number | undefined;
  readonly source: StoredFile['source'];
  readonly content: AsyncIterable<Uint8Array> | Uint8Array;
}

/** Users' stored files: who may see them, where their bytes are, how long they stay. */
export class FileService implements Files {
  readonly #options: FileServiceOptions;
  readonly #quota: StorageQuota;
  /** Files whose bytes are stored and that are not recorded yet, by id. */
  readonly #unrecorded = new Map<string, Reservation>();
  /** Holds that are being given up. */
  #releasing: Promise<unknown> = Promise.resolve();

  constructor(options: FileServiceOptions) {
    this.#options = options;
    const { records, held } = options;
    this.#quota = new StorageQuota(async (owner) => {
      const stored = await records.files.stored(owner);
      const more = await held?.(owner);
      return more ? { bytes: stored.bytes + more.bytes, files: stored.files + more.files } : stored;
    });
  }

  async upload(
    principal: Principal,
    request: { scope: FileScope; readOnly: boolean; partial: boolean },
    uploads: AsyncIterable<UploadFile>,
  ): Promise<{ sessionId: string; files: readonly UploadOutcome[] }> {
    const set = this.newSet(principal, newId(), request.scope);
    const outcomes: UploadOutcome[] = [];
    const { maxUploadFiles, maxFileBytes } = this.#options;
    let count = 0;
    try {
      for await (const upload of uploads) {
        try {
          if (++count > maxUploadFiles) {
            throw new DragomanError('too_large', { message: `more than ${maxUploadFiles} files` });
          }
          const file = { ...upload, readOnly: request.readOnly, source: 'user' } as const;
          outcomes.push({ stored: await this.put(set, file, maxFileBytes) });
        } catch (error) {
          if (!request.partial || !(error instanceof DragomanError)) throw error;
          outcomes.push({ name: upload.name, error: error.message });
        }
      }
      await this.record(set, storedOf(outcomes));
    } finally {
      this.release(storedOf(outcomes));
    }
    return { sessionId: set.id, files: outcomes };
  }

  async storage(principal: Principal): Promise<StorageUse> {
    const { bytes } = await this.#options.records.files.stored(principal);
    return { used: bytes, allowed: planOf(this.#options.plans, principal).storedBytes };
  }

  /** A file set that is not recorded yet. */
  newSet(principal: Principal, id: string, scope: FileScope): OpenFileSet {
    const createdAt = this.#options.now();
    const { tenant, id: principalId } = principal;
    const expiresAt = createdAt + this.#options.retentionMs;
    return this.opened(principal, { id, tenant, principalId, scope, createdAt, expiresAt });
  }

  /** A file set for its owner to put files into. */
  opened(owner: Principal, set: FileSet): OpenFileSet {
    const { storedBytes: bytes, storedFiles: files } = planOf(this.#options.plans, owner);
    return { ...set, quota: { bytes, files } };
  }

  /**
   * Stores a file's bytes; the file is invisible until it is recorded. Call `record`, `revise` or `release` next.
   * @throws DragomanError as `FileStore.put`; invalid_request, quota_exceeded
   */
  async put(set: OpenFileSet, file: NewFile, maxBytes: number): Promise<StoredFile> {
    const fault = pathFault(file.name);
    if (fault) throw new DragomanError('invalid_request', { message: `file name ${fault}` });
    const room = await this.#quota.reserve({ tenant: set.tenant, id: set.principalId }, set.quota);
    const id = newId();
    this.#unrecorded.set(id, room);
    try {
      const { digest, size } = await this.#options.files.put(room.counted(file.content), maxBytes, id);
      return {
        id,
        sessionId: set.id,
        name: file.name,
        size,
        digest,
        contentType: contentTypeOf(file.name, file.contentType),
        readOnly: file.readOnly,
        ...(file.mode === undefined ? {} : { mode: file.mode }),
        source: file.source,
        createdAt: this.#options.now(),
      };
    } catch (error) {
      this.#unrecorded.delete(id);
      room.free();
      throw error;
    }
  }

  /**
   * A copy of a stored file for another file set, under a path of its own; recorded as what `put` returns is. Recording it is
   * not_found when the original was deleted meanwhile.
   */
  copy(set: FileSet, path: string, file: StoredFile): StoredFile {
    return { ...file, id: newId(), sessionId: set.id, name: path, readOnly: false, createdAt: this.#options.now() };
  }

  /**
   * Makes a file set and its files visible, all or nothing; nothing is recorded for no files.
   * @returns false when the execution of `once` was recorded before
   * @throws DragomanError quota_exceeded; not_found when the original of a copy is gone
   */
  async record(set: OpenFileSet, files: readonly StoredFile[], once?: Once): Promise<boolean> {
    if (files.length === 0) return true;
    const isFirst = await this.#recording(files, () => this.#options.records.files.create(set, files, set.quota, once));
    if (isFirst) this.#meter(set, files);
    return isFirst;
  }

  /**
   * Changes the files of a recorded file set, and how long they live.
   * @returns false when the execution of `once` was recorded before
   * @throws DragomanError not_found when it, or the original of a copy, is gone; quota_exceeded
   */
  async revise(set: OpenFileSet, change: FileSetChange): Promise<boolean> {
    const { expiresAt, quota } = set;
    const isFirst = await this.#recording(change.added, () =>
      this.#options.records.files.revise(set.id, { ...change, expiresAt, quota }),
    );
    if (isFirst) this.#meter(set, change.added);
    return isFirst;
  }

  /** These files are recorded by now or never will be. More than once does no harm. */
  release(files: readonly StoredFile[]): void {
    const holds = files.flatMap(({ id }) => (this.#forget(id) ? [id] : []));
    if (holds.length === 0) return;
    const { files: store } = this.#options;
    // A hold that cannot be given up now ends by itself.
    const released = store.release(holds).then(() => store.collect());
    this.#releasing = Promise.allSettled([this.#releasing, released]);
  }

  async find(principal: Principal, ref: FileRef): Promise<StoredFile> {
    const found =
      isId(ref.sessionId) && isId(ref.fileId)
        ? await this.#options.records.files.file(ref.sessionId, ref.fileId)
        : undefined;
    if (!found || !mayUse(principal, ref.scope, found.set, this.#options.now())) {
      throw new DragomanError('not_found', { message: 'File not found' });
    }
    return found.file;
  }

  async open(
    principal: Principal,
    ref: FileRef,
    rangeOf?: (file: StoredFile) => ByteRange | undefined,
  ): Promise<OpenedFile> {
    const file = await this.find(principal, ref);
    const range = rangeOf?.(file);
    const content = await this.content(file.digest, range);
    this.#options.usage.record(principal, { bytesServed: range ? range.end - range.start + 1 : file.size });
    return { file, content, range };
  }

  /** Opens stored bytes. @throws DragomanError not_found, storage_unavailable */
  content(digest: string, range?: ByteRange): Promise<Readable> {
    return this.#options.files.open(digest, range);
  }

  async list(principal: Principal, setId: string, scope: FileClaim): Promise<readonly StoredFile[]> {
    const set = isId(setId) ? await this.#options.records.files.set(setId) : undefined;
    if (!set || !mayUse(principal, scope, set, this.#options.now())) {
      throw new DragomanError('not_found', { message: 'Session not found' });
    }
    return this.#options.records.files.list(setId);
  }

  /** Removes a file. Its bytes are gone too when this resolves, unless another file has them. @throws DragomanError not_found, as `find` */
  async delete(principal: Principal, ref: FileRef): Promise<void> {
    await this.find(principal, ref);
    // Reading may be shared; only the maker removes.
    await this.find(principal, { ...ref, scope: { kind: 'unclaimed' } });
    await this.#options.records.files.delete(ref.sessionId, ref.fileId);
    await this.#options.files.collect();
  }

  /** Deletes bytes that no file refers to any more; returns how many contents. @throws DragomanError storage_unavailable */
  async collect(): Promise<number> {
    await this.#releasing;
    return this.#options.files.collect();
  }

  /** Removes expired file sets, and the bytes that only they had. @throws DragomanError storage_unavailable */
  async expire(): Promise<{ sets: number; contents: number }> {
    // No clock makes a file look forgotten whose upload goes on.
    await this.#options.files.renew([...this.#unrecorded.keys()]);
    const sets = await this.#options.records.files.deleteExpired(this.#options.now());
    return { sets, contents: await this.collect() };
  }

  /** Records files. From here on the records count them; when that fails, `release` lets their bytes go. */
  async #recording(files: readonly StoredFile[], record: () => Promise<boolean>): Promise<boolean> {
    for (const { id } of files) this.#unrecorded.get(id)?.free();
    let isRecorded = false;
    try {
      isRecorded = await record();
    } finally {
      if (!isRecorded) this.release(files);
    }
    for (const { id } of files) this.#forget(id);
    return isRecorded;
  }

  /** @returns whether a file with this id waited to be recorded */
  #forget(id: string): boolean {
    this.#unrecorded.get(id)?.free();
    return this.#unrecorded.delete(id);
  }

  #meter({ principalId: id, tenant }: FileSet, files: readonly StoredFile[]): void {
    this.#options.usage.record({ id, tenant }, { bytesStored: files.reduce((sum, { size }) => sum + size, 0) });
  }
}

function storedOf(outcomes: readonly UploadOutcome[]): StoredFile[] {
  return outcomes.flatMap((outcome) => ('stored' in outcome ? [outcome.stored] : []));
}
