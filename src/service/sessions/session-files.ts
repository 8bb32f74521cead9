import { DragomanError, type FileRef, type Logger, type StoredFile } from '../../core/index.ts';
import type { FileSetRevision } from '../../stores/index.ts';
import type { LostFile, ReportedFile } from '../executions/interpreter.ts';
import type { FileService, OpenFileSet } from '../files/file-service.ts';
import { lostFile } from '../files/lost-file.ts';

/** A file as it was found in a workspace. Its content is read once. */
export interface FoundFile {
  readonly path: string;
  readonly content: { readonly size: number; read(): AsyncIterable<Uint8Array>; close(): void };
}

/** What became of a session's files. */
export interface KeptChanges {
  readonly files: readonly ReportedFile[];
  /** Paths that are gone. */
  readonly deleted: readonly string[];
  readonly lost: readonly LostFile[];
}

/** Makes files a session's own, and `superseded` ones (by id) no longer so. */
type Recorder = (session: OpenFileSet, change: Pick<FileSetRevision, 'added' | 'superseded'>) => Promise<void>;

/** A workspace's files as they are recorded: by path, each with the id it is known by until it changes. */
export class SessionFiles {
  readonly #fileService: FileService;
  readonly #logger: Logger;
  readonly #byPath: Map<string, StoredFile>;
  readonly #recorder: Recorder;

  /** Files of others may be among them: they are what the workspace begins with. */
  constructor(
    parts: { fileService: FileService; logger: Logger },
    files: Iterable<readonly [path: string, file: StoredFile]>,
    recorder: Recorder,
  ) {
    this.#fileService = parts.fileService;
    this.#logger = parts.logger;
    this.#byPath = new Map(files);
    this.#recorder = recorder;
  }

  /** By path. */
  all(): StoredFile[] {
    return [...this.#byPath.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  at(path: string): StoredFile | undefined {
    return this.#byPath.get(path);
  }

  /** Makes these the session's files at their paths, and takes away those of `gone`. */
  async record(session: OpenFileSet, added: readonly StoredFile[], gone: readonly string[] = []): Promise<void> {
    const replaced = [...added.map(({ name }) => name), ...gone].flatMap((path) => this.#byPath.get(path)?.id ?? []);
    if (added.length > 0 || replaced.length > 0) {
      await this.#recorder(session, { added, superseded: [...new Set(replaced)] });
    }
    for (const path of gone) this.#byPath.delete(path);
    for (const file of added) this.#byPath.set(file.name, file);
  }

  /** Keeps what an execution made and changed. Never rejects: what cannot be stored is reported as lost. */
  async keep(session: OpenFileSet, touched: readonly FoundFile[], gone: readonly string[]): Promise<KeptChanges> {
    const files: ReportedFile[] = [];
    const added: StoredFile[] = [];
    const lost: LostFile[] = [];
    const lose = (paths: readonly string[], error: unknown) => {
      const reason = String((error as Error).cause ?? error);
      this.#logger.error(
        { session: session.id, count: paths.length, error: reason },
        'files of a session were not stored',
      );
      lost.push(...paths.map((path) => lostFile(path, error)));
    };
    for (const { path, content } of touched) {
      const before = this.#byPath.get(path);
      if (before?.readOnly) {
        content.close();
        continue;
      }
      try {
        const found = {
          name: path,
          contentType: undefined,
          readOnly: false,
          source: 'program',
          content: content.read(),
        } as const;
        const file = await this.#fileService.put(session, found, content.size);
        // Written again with what it held before.
        if (before?.digest === file.digest) {
          this.#fileService.release([file]);
          continue;
        }
        added.push(file);
        files.push(before ? { change: 'modified', file, from: refOf(before) } : { change: 'created', file });
      } catch (error) {
        lose([path], error);
      } finally {
        content.close();
      }
    }
    const deleted = gone.filter((path) => this.#byPath.get(path)?.readOnly === false);
    try {
      await this.record(session, added, deleted);
    } catch (error) {
      // The code has run: its caller is to have the result, and to learn that the files are gone.
      lose(
        added.map(({ name }) => name),
        error,
      );
      files.length = 0;
    }
    return { files, deleted, lost };
  }
}

/**
 * Whether these may come to the files that are there: a workspace that cannot be laid out again is none.
 * @throws DragomanError invalid_request
 */
export function checkRoom(there: readonly StoredFile[], added: readonly StoredFile[], workspaceBytes: number): void {
  const refuse = (path: string, why: string) => {
    throw new DragomanError('invalid_request', { message: `the files do not fit: ${path}: ${why}` });
  };
  for (const { name } of added) {
    for (const { name: other } of there) {
      if (other.startsWith(`${name}/`)) refuse(name, 'Is a directory');
      if (name.startsWith(`${other}/`)) refuse(other, 'Not a directory');
    }
  }
  const sizes = new Map([...there, ...added].map(({ name, size }) => [name, size]));
  if (sizes.values().reduce((sum, size) => sum + size, 0) <= workspaceBytes) return;
  throw new DragomanError('invalid_request', { message: `the files exceed the workspace of ${workspaceBytes} bytes` });
}

function refOf({ sessionId, id }: StoredFile): FileRef {
  return { sessionId, fileId: id, scope: { kind: 'user' } };
}
