import { DragomanError, type FileRef, modeOf, type StoredFile } from '../../core/index.ts';
import type { JobInput } from '../../runner/index.ts';
import type { FileSetRevision } from '../../stores/index.ts';
import type { OpenFileSet } from '../files/file-service.ts';

/** Makes files a session's own, and `superseded` ones (by id) no longer so. */
type Recorder = (
  session: OpenFileSet,
  change: Pick<FileSetRevision, 'added' | 'superseded' | 'epoch'>,
) => Promise<void>;

/** A session's files as they are recorded: by path, each with the id it is known by until it changes. */
export class SessionFiles {
  readonly #byPath: Map<string, StoredFile>;
  readonly #recorder: Recorder;

  constructor(files: readonly StoredFile[], recorder: Recorder) {
    this.#byPath = new Map(files.map((file) => [file.name, file]));
    this.#recorder = recorder;
  }

  get count(): number {
    return this.#byPath.size;
  }

  /** By path. */
  all(): StoredFile[] {
    return [...this.#byPath.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  at(path: string): StoredFile | undefined {
    return this.#byPath.get(path);
  }

  refAt(path: string): FileRef | undefined {
    const file = this.#byPath.get(path);
    return file && { sessionId: file.sessionId, fileId: file.id, scope: { kind: 'user' } };
  }

  /**
   * Makes these the session's files at their paths, and removes those of `gone`.
   * @param epoch in which a worker made them; absent: a caller did
   * @throws DragomanError quota_exceeded, not_found; conflict when the session is in another epoch by now
   */
  async record(
    session: OpenFileSet,
    added: readonly StoredFile[],
    gone: readonly string[] = [],
    epoch?: number,
  ): Promise<void> {
    const replaced = [...added.map(({ name }) => name), ...gone].flatMap((path) => this.#byPath.get(path)?.id ?? []);
    if (added.length > 0 || replaced.length > 0) {
      await this.#recorder(session, { added, superseded: [...new Set(replaced)], epoch });
    }
    for (const path of gone) this.#byPath.delete(path);
    for (const file of added) this.#byPath.set(file.name, file);
  }
}

/** Files as a job stages them. */
export function jobInputs(files: readonly StoredFile[]): JobInput[] {
  return files.map((file) => {
    const { name: path, digest, size, readOnly, createdAt: modified } = file;
    return { path, digest, size, readOnly, mode: modeOf(file), modified };
  });
}

/**
 * Checks that files fit beside those that are there: a new sandbox must be able to hold them all.
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
