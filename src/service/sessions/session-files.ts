import { DragomanError, type FileRef, modeOf, type StoredFile } from '../../core/index.ts';
import type { JobInput } from '../../runner/index.ts';
import type { Once } from '../../stores/index.ts';
import type { FileSetChange, OpenFileSet } from '../files/file-service.ts';

/** Makes files a session's own, and `superseded` ones (by id) no longer so. */
type Recorder = (session: OpenFileSet, change: FileSetChange) => Promise<boolean>;

/** A session's files as they are recorded: by path, each with the id it is known by until it changes. */
export class SessionFiles {
  #byPath: Map<string, StoredFile>;
  /** The turn among several gateways in which they are changed. Undefined: there is one gateway. */
  turn: number | undefined;
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
   * @param made in which epoch a worker made them, and for which execution; absent: a caller did
   * @returns false when the files of that execution were recorded before
   * @throws DragomanError quota_exceeded, not_found; conflict when the session is in another epoch or turn by now
   */
  async record(
    session: OpenFileSet,
    added: readonly StoredFile[],
    gone: readonly string[] = [],
    { epoch, once }: { readonly epoch?: number; readonly once?: Once | undefined } = {},
  ): Promise<boolean> {
    const replaced = [...added.map(({ name }) => name), ...gone].flatMap((path) => this.#byPath.get(path)?.id ?? []);
    if (added.length > 0 || replaced.length > 0) {
      const change = { added, superseded: [...new Set(replaced)], epoch, turn: this.turn, once };
      if (!(await this.#recorder(session, change))) return false;
    }
    for (const path of gone) this.#byPath.delete(path);
    for (const file of added) this.#byPath.set(file.name, file);
    return true;
  }

  /** Another gateway has worked with the session: these are its files now. */
  replace(files: readonly StoredFile[]): void {
    this.#byPath = new Map(files.map((file) => [file.name, file]));
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
