import { DragomanError, type FileRef, isId, type Principal, type StoredFile } from '../../core/index.ts';
import type { Files, Page, UploadFile } from '../../service/index.ts';
import type { NewDocument, OwnedDocuments } from '../owned-documents.ts';
import { Refusal } from '../refusal.ts';

/** The kind of these documents. Older databases have it: it stays. */
const kind = 'openai_file';

/** A file a client uploaded on its own, to be named by its id in requests. */
export interface UserFile {
  /** Also the id of the stored session that holds the file alone. */
  readonly id: string;
  readonly fileId: string;
  readonly name: string;
  readonly bytes: number;
  /** What the client said the file is for. */
  readonly purpose: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

interface Body {
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

  constructor(documents: OwnedDocuments, store: Pick<Files, 'upload' | 'delete' | 'find' | 'open'>) {
    this.#documents = documents;
    this.#store = store;
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
    const { id: fileId, name, size: bytes, createdAt } = outcome.stored;
    try {
      const { purpose, lifeMs = Infinity } = describe();
      const expiresAt = Math.min(this.#documents.expiry(), createdAt + lifeMs);
      const body: Body = { fileId, filename: name, bytes, purpose };
      const document: NewDocument = { kind, id: sessionId, name: purpose, createdAt, expiresAt, body };
      await this.#documents.put(principal, document);
      return { id: sessionId, fileId, name, bytes, purpose, createdAt, expiresAt };
    } catch (error) {
      await this.#remove(principal, { sessionId, fileId, scope: { kind: 'user' } });
      throw error;
    }
  }

  /** @param where the client named it, for the refusal. @throws Refusal file_not_found */
  async find(principal: Principal, id: string, where?: string): Promise<UserFile> {
    const document = isId(id) ? await this.#documents.get(principal, kind, id) : undefined;
    if (!document) throw new Refusal('file_not_found', 'The file does not exist.', { id, where });
    return fileOf(document);
  }

  async has(principal: Principal, id: string): Promise<boolean> {
    return isId(id) && (await this.#documents.get(principal, kind, id)) !== undefined;
  }

  async list(
    principal: Principal,
    { purpose, ...page }: Page & { readonly purpose?: string | undefined },
  ): Promise<{ files: readonly UserFile[]; more: boolean }> {
    const { documents, more } = await this.#documents.list(principal, kind, { ...page, name: purpose });
    return { files: documents.map(fileOf), more };
  }

  /** @throws Refusal file_not_found */
  async delete(principal: Principal, id: string): Promise<void> {
    const file = await this.find(principal, id, 'id');
    await this.#remove(principal, refOf(file));
    await this.#documents.delete(kind, id);
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
export function refOf({ id, fileId }: Pick<UserFile, 'id' | 'fileId'>): FileRef {
  return { sessionId: id, fileId, scope: { kind: 'user' } };
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
}) {
  const { fileId, filename, bytes, purpose } = body as Body;
  return { id, fileId, name: filename, bytes, purpose, createdAt, expiresAt };
}
