import { DragomanError, type FileRef, isId, newId, type Principal, type StoredFile } from '../../core/index.ts';
import type { Files, Page, UploadFile } from '../../service/index.ts';
import type { NewDocument, OwnedDocuments } from '../owned-documents.ts';
import { Refusal } from '../refusal.ts';

/** A file a client uploaded on its own, or code made for it, to be named by its id in requests. */
export interface UserFile {
  readonly id: string;
  /** The file set that has it: its own, or the session whose code made it. */
  readonly setId: string;
  readonly fileId: string;
  readonly name: string;
  readonly bytes: number;
  readonly contentType: string;
  /** What the client said the file is for. */
  readonly purpose: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

interface Body {
  /** Absent: the id of the document. */
  readonly setId?: string;
  /** Absent in older documents. */
  readonly contentType?: string;
  readonly fileId: string;
  readonly filename: string;
  readonly bytes: number;
  readonly purpose: string;
}

export interface NewUserFile {
  readonly purpose: string;
  /** Shortens the retention, in milliseconds. */
  readonly lifeMs?: number | undefined;
}

/** The uploaded files of principals. */
export class UserFiles {
  readonly #documents: OwnedDocuments;
  readonly #store: Pick<Files, 'upload' | 'delete' | 'find' | 'open'>;
  readonly #kind: string;

  /** @param kind of the documents: files of one kind are seen apart from those of another. Databases have it: it stays */
  constructor(documents: OwnedDocuments, store: Pick<Files, 'upload' | 'delete' | 'find' | 'open'>, kind: string) {
    this.#documents = documents;
    this.#store = store;
    this.#kind = kind;
  }

  /**
   * Stores one file.
   * @param describe is asked when the file has arrived; nothing stays if it throws
   * @throws DragomanError as the store's `upload`
   */
  async create(principal: Principal, files: AsyncIterable<UploadFile>, describe: () => NewUserFile): Promise<UserFile> {
    const request = { scope: { kind: 'user' }, readOnly: false, partial: false } as const;
    const { sessionId, files: outcomes } = await this.#store.upload(principal, request, files);
    const [outcome] = outcomes;
    if (!outcome || !('stored' in outcome)) throw new DragomanError('internal');
    const { id: fileId, name, size: bytes, contentType, createdAt } = outcome.stored;
    try {
      const { purpose, lifeMs = Infinity } = describe();
      const expiresAt = Math.min(this.#documents.expiry(), createdAt + lifeMs);
      const body: Body = { fileId, filename: name, bytes, contentType, purpose };
      const document: NewDocument = { kind: this.#kind, id: sessionId, name: purpose, createdAt, expiresAt, body };
      await this.#documents.put(principal, document);
      return fileOf({ id: sessionId, createdAt, expiresAt, body });
    } catch (error) {
      await this.#remove(principal, { sessionId, fileId, scope: { kind: 'user' } });
      throw error;
    }
  }

  /** Gives files of sessions ids of their own, all or none. @throws DragomanError quota_exceeded */
  async adopt(principal: Principal, files: readonly StoredFile[], purpose: string): Promise<UserFile[]> {
    const expiresAt = this.#documents.expiry();
    const adopted = files.map(
      ({ id: fileId, sessionId: setId, name: filename, size: bytes, contentType, createdAt }) => {
        const body: Body = { setId, fileId, filename, bytes, contentType, purpose };
        return { kind: this.#kind, id: newId(), name: purpose, createdAt, expiresAt, body };
      },
    );
    await this.#documents.put(principal, ...adopted);
    return adopted.map(fileOf);
  }

  /** @param where the client named it, for the refusal. @throws Refusal file_not_found */
  async find(principal: Principal, id: string, where?: string): Promise<UserFile> {
    const document = isId(id) ? await this.#documents.get(principal, this.#kind, id) : undefined;
    if (!document) {
      const isExpired = isId(id) && (await this.#documents.isExpired(principal, this.#kind, id));
      const message = isExpired ? 'The file has expired.' : 'The file does not exist.';
      throw new Refusal('file_not_found', message, { id, where, isExpired });
    }
    return fileOf(document);
  }

  async has(principal: Principal, id: string): Promise<boolean> {
    return isId(id) && (await this.#documents.get(principal, this.#kind, id)) !== undefined;
  }

  async list(
    principal: Principal,
    { purpose, ...page }: Page & { readonly purpose?: string | undefined },
  ): Promise<{ files: readonly UserFile[]; more: boolean }> {
    const { documents, more } = await this.#documents.list(principal, this.#kind, { ...page, name: purpose });
    return { files: documents.map(fileOf), more };
  }

  /** A file that code made stays in its session. @throws Refusal file_not_found */
  async delete(principal: Principal, id: string): Promise<void> {
    const file = await this.find(principal, id, 'id');
    if (file.setId === id) await this.#remove(principal, refOf(file));
    await this.#documents.delete(this.#kind, id);
  }

  /** Its stored file. @throws DragomanError not_found */
  stored(principal: Principal, file: UserFile): Promise<StoredFile> {
    return this.#store.find(principal, refOf(file));
  }

  async #remove(principal: Principal, ref: FileRef): Promise<void> {
    try {
      await this.#store.delete(principal, ref);
    } catch (error) {
      // It is removed already.
      if (!(error instanceof DragomanError) || error.code !== 'not_found') throw error;
    }
  }
}

/** Where its bytes are. */
export function refOf({ setId, fileId }: Pick<UserFile, 'setId' | 'fileId'>): FileRef {
  return { sessionId: setId, fileId, scope: { kind: 'user' } };
}

function fileOf({
  id,
  createdAt,
  expiresAt,
  body,
}: {
  id: string;
  createdAt: number;
  expiresAt: number;
  body: unknown;
}): UserFile {
  const { setId = id, fileId, filename, bytes, contentType = 'application/octet-stream', purpose } = body as Body;
  return { id, setId, fileId, name: filename, bytes, contentType, purpose, createdAt, expiresAt };
}
