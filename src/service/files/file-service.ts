import type { Readable } from 'node:stream';
import {
  DragomanError,
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
import type { FileSetRevision, FileStore, Records } from '../../stores/index.ts';
import type { UploadFile, UploadOutcome } from '../executions/interpreter.ts';
import type { UsageMeter } from '../usage/usage.ts';
import { mayUse } from './access.ts';
import { contentTypeOf } from './content-type.ts';
import { type Hold, StorageQuota } from './quota.ts';

export interface FileServiceOptions {
  readonly files: FileStore;
  readonly records: Records;
  readonly usage: UsageMeter;
  /** What principals may store. */
  readonly plans: Plans;
  readonly maxFileBytes: number;
  readonly maxUploadFiles: number;
  readonly retentionMs: number;
  readonly now: () => number;
}

/** A stored session as its owner puts files into it. */
export interface OpenFileSet extends FileSet {
  /** What all files of its owner may take together. */
  readonly quotaBytes: number;
}

/** A file about to be recorded. */
export interface NewFile {
  readonly name: string;
  readonly contentType: string | undefined;
  readonly readOnly: boolean;
  readonly source: StoredFile['source'];
  readonly content: AsyncIterable<Uint8Array> | Uint8Array;
}

/** Users' stored files: who may see them, where their bytes are, how long they stay. */
export class FileService {
  readonly #options: FileServiceOptions;
  readonly #quota: StorageQuota;
  /** Contents of files that are stored and not recorded yet, by the files' ids: no clock may make them look forgotten. */
  readonly #unrecorded = new Map<string, { readonly digest: string; readonly hold?: Hold }>();

  constructor(options: FileServiceOptions) {
    this.#options = options;
    this.#quota = new StorageQuota((owner) => options.records.files.storedBytes(owner));
  }

  /** See `Interpreter.upload`. */
  async upload(
    principal: Principal,
    request: { scope: FileScope; readOnly: boolean; partial: boolean },
    uploads: AsyncIterable<UploadFile>,
  ): Promise<{ sessionId: string; files: readonly UploadOutcome[] }> {
    const session = this.session(principal, newId(), request.scope);
    const outcomes: UploadOutcome[] = [];
    let count = 0;
    try {
      for await (const upload of uploads) {
        try {
          if (++count > this.#options.maxUploadFiles) {
            throw new DragomanError('too_large', { message: `more than ${this.#options.maxUploadFiles} files` });
          }
          outcomes.push({
            stored: await this.put(
              session,
              { ...upload, readOnly: request.readOnly, source: 'user' },
              this.#options.maxFileBytes,
            ),
          });
        } catch (error) {
          if (!request.partial || !(error instanceof DragomanError)) throw error;
          outcomes.push({ name: upload.name, error: error.message });
        }
      }
      await this.record(
        session,
        outcomes.flatMap((outcome) => ('stored' in outcome ? [outcome.stored] : [])),
      );
    } finally {
      this.release(outcomes.flatMap((outcome) => ('stored' in outcome ? [outcome.stored] : [])));
    }
    return { sessionId: session.id, files: outcomes };
  }

  /** What a principal's files take, and may take. */
  async storage(principal: Principal): Promise<StorageUse> {
    const used = await this.#options.records.files.storedBytes(principal);
    return { used, allowed: planOf(this.#options.plans, principal).storedBytes };
  }

  /** A stored session that is not recorded yet. */
  session(principal: Principal, id: string, scope: FileScope): OpenFileSet {
    const createdAt = this.#options.now();
    const { tenant, id: principalId } = principal;
    const expiresAt = createdAt + this.#options.retentionMs;
    return this.opened(principal, { id, tenant, principalId, scope, createdAt, expiresAt });
  }

  /** A stored session for its owner to put files into. */
  opened(owner: Principal, session: FileSet): OpenFileSet {
    return { ...session, quotaBytes: planOf(this.#options.plans, owner).storedBytes };
  }

  /**
   * Stores a file's bytes; it exists for nobody until it is recorded. That, or `release`, has to follow.
   * @throws DragomanError as `FileStore.put`; invalid_request, quota_exceeded
   */
  async put(session: OpenFileSet, file: NewFile, maxBytes: number): Promise<StoredFile> {
    const fault = pathFault(file.name);
    if (fault) throw new DragomanError('invalid_request', { message: `file name ${fault}` });
    const hold = await this.#quota.hold({ tenant: session.tenant, id: session.principalId }, session.quotaBytes);
    const { digest, size } = await this.#options.files.put(hold.counted(file.content), maxBytes).catch((error) => {
      hold.free();
      throw error;
    });
    const id = newId();
    this.#unrecorded.set(id, { digest, hold });
    return {
      id,
      sessionId: session.id,
      name: file.name,
      size,
      digest,
      contentType: contentTypeOf(file.name, file.contentType),
      readOnly: file.readOnly,
      source: file.source,
      createdAt: this.#options.now(),
    };
  }

  /** A copy of a stored file for another session, under a path of its own; recorded as what `put` returns is. */
  copy(session: FileSet, path: string, file: StoredFile): StoredFile {
    const id = newId();
    this.#unrecorded.set(id, { digest: file.digest });
    return { ...file, id, sessionId: session.id, name: path, readOnly: false, createdAt: this.#options.now() };
  }

  /** Makes a session and its files visible, all or nothing; nothing is recorded for no files. @throws DragomanError quota_exceeded */
  async record(session: OpenFileSet, files: readonly StoredFile[]): Promise<void> {
    this.#handOver(files);
    try {
      if (files.length > 0) await this.#options.records.files.create(session, files, session.quotaBytes);
    } finally {
      this.release(files);
    }
    this.#meter(session, files);
  }

  /**
   * Changes the files of a session that is recorded, and how long they live.
   * @throws DragomanError not_found when it is gone; quota_exceeded
   */
  async revise(session: OpenFileSet, change: Pick<FileSetRevision, 'added' | 'superseded'>): Promise<void> {
    const { expiresAt, quotaBytes } = session;
    this.#handOver(change.added);
    try {
      await this.#options.records.files.revise(session.id, { ...change, expiresAt, quotaBytes });
    } finally {
      this.release(change.added);
    }
    this.#meter(session, change.added);
  }

  /** These are recorded by now or will never be; once is enough, more does no harm. */
  release(files: readonly StoredFile[]): void {
    this.#handOver(files);
    for (const { id } of files) this.#unrecorded.delete(id);
  }

  /** @throws DragomanError not_found for what is gone, expired or another's, without telling which */
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

  open(file: StoredFile): Promise<Readable> {
    return this.#options.files.open(file.digest);
  }

  /** @throws DragomanError not_found, as `find` */
  async list(principal: Principal, sessionId: string, scope: FileScope): Promise<readonly StoredFile[]> {
    const session = isId(sessionId) ? await this.#options.records.files.set(sessionId) : undefined;
    if (!session || !mayUse(principal, scope, session, this.#options.now())) {
      throw new DragomanError('not_found', { message: 'Session not found' });
    }
    return this.#options.records.files.list(sessionId);
  }

  /** @throws DragomanError not_found, as `find` */
  async delete(principal: Principal, ref: FileRef): Promise<void> {
    // Reading may be shared; only the maker removes.
    await this.find(principal, { ...ref, scope: { kind: 'user' } });
    await this.#options.records.files.delete(ref.sessionId, ref.fileId);
  }

  /** Removes expired sessions and documents and then bytes that no record refers to. */
  async expire(graceMs: number): Promise<{ sessions: number; contents: number }> {
    const { records, files, now } = this.#options;
    const sessions = await records.files.deleteExpired(now());
    await records.documents.deleteExpired(now());
    const isReferenced = async (digest: string) => this.#isUnrecorded(digest) || records.files.isReferenced(digest);
    const contents = await files.sweep(isReferenced, graceMs);
    return { sessions, contents };
  }

  #meter({ principalId: id, tenant }: FileSet, files: readonly StoredFile[]): void {
    this.#options.usage.record({ id, tenant }, { bytesStored: files.reduce((sum, { size }) => sum + size, 0) });
  }

  /** From here on the records counts these, or nobody has to. */
  #handOver(files: readonly StoredFile[]): void {
    for (const { id } of files) this.#unrecorded.get(id)?.hold?.free();
  }

  #isUnrecorded(digest: string): boolean {
    return this.#unrecorded.values().some((each) => each.digest === digest);
  }
}
