import type {
  Baseline,
  ChangedFile,
  CollectLimits,
  FileContent,
  KnownFile,
  Workspace,
  WorkspaceChanges,
} from './port.ts';

/** A regular file found in a tree. */
export interface FoundFile {
  readonly path: string;
  readonly size: number;
  /** Permission bits that are kept. */
  readonly mode: number;
  /** Changes whenever the content may have changed. */
  readonly stamp: string;
}

export interface Listing {
  /** Sorted by path. */
  readonly files: readonly FoundFile[];
  /** Folders that hold no file that is listed and no folder, sorted. */
  readonly folders: readonly string[];
  /** Caches that were passed over: the first few. */
  readonly caches: readonly string[];
  /** Something was passed over: too many entries, too deep, or a name that is not a valid workspace path. */
  readonly truncated: boolean;
}

/** A file whose content stays as it was opened. */
export interface OpenFile extends FileContent {
  readonly stamp: string;
  readonly mode: number;
  /** sha256 in lower-case hexadecimal. */
  digest(): Promise<string>;
}

/** Files that the host can list and open itself. */
export interface FileTree {
  /** Whether certainly nothing is in it. Absent, or false: a listing tells. */
  isEmpty?(): boolean;
  /** Whether it went with its sandbox: then nothing counts as changed or gone. Absent: it never does. */
  isLost?(): boolean;
  list(limits: { readonly entries: number; readonly depth: number }): Promise<Listing>;
  /** Undefined when there is no such regular file. */
  open(path: string): Promise<OpenFile | undefined>;
}

/** `differs` gives up after this many entries more than it expects: so many more are a change. */
const unexpectedEntries = 24;

/** The workspace over a tree of files. */
export class TreeWorkspace implements Workspace {
  readonly #tree: FileTree;

  constructor(tree: FileTree) {
    this.#tree = tree;
  }

  open(path: string): Promise<FileContent | undefined> {
    return this.#tree.open(path);
  }

  async snapshot(limits: CollectLimits): Promise<Baseline> {
    const { files } = await this.#tree.list(limits);
    return new Map(files.map(({ path, size, mode, stamp }) => [path, { size, mode, stamp }]));
  }

  async differs(since: Baseline, limits: CollectLimits, sinceFolders?: readonly string[]): Promise<boolean> {
    if (since.size === 0 && !sinceFolders?.length && this.#tree.isEmpty?.()) return false;
    try {
      return await this.#differs(since, limits, sinceFolders);
    } catch (error) {
      if (!this.#tree.isLost?.()) throw error;
      // `changes` says what is to be said of it.
      return true;
    }
  }

  async #differs(since: Baseline, limits: CollectLimits, sinceFolders?: readonly string[]): Promise<boolean> {
    const entries = Math.min(limits.entries, 2 * since.size + unexpectedEntries);
    const { files, folders, truncated } = await this.#tree.list({ ...limits, entries });
    if (truncated) return true;
    if (sinceFolders && !isSame(folders, sinceFolders)) return true;
    const found = new Map(files.map((file) => [file.path, file]));
    if (files.some(({ path }) => !since.has(path))) return true;
    for (const [path, known] of since) {
      const file = found.get(path);
      if (known.readOnly || (file && file.stamp === known.stamp)) continue;
      if (file && file.size !== known.size) return true;
      if (!(await this.#isUnchanged(path, known))) return true;
    }
    return false;
  }

  async changes(since: Baseline, limits: CollectLimits): Promise<WorkspaceChanges> {
    try {
      return await this.#changes(since, limits);
    } catch (error) {
      if (!this.#tree.isLost?.()) throw error;
      const unchanged = [...since.keys()];
      return { files: [], gone: [], unchanged, folders: [], caches: [], truncated: true, next: since };
    }
  }

  async #changes(since: Baseline, limits: CollectLimits): Promise<WorkspaceChanges> {
    const listing = await this.#tree.list(limits);
    const found = new Map(listing.files.map((file) => [file.path, file]));
    const collection = new Collection(this.#tree, since, limits, listing.truncated);
    try {
      for (const [path, known] of since) {
        const file = found.get(path) ?? (await this.#find(path, known));
        found.delete(path);
        await collection.compare(path, file, known);
      }
      // Hidden files come last: a repository's own files must not take the places of what the program made to be seen.
      const made = [...found.values()];
      const inOrder = [...made.filter(({ path }) => !isHidden(path)), ...made.filter(({ path }) => isHidden(path))];
      for (const file of inOrder) await collection.compare(file.path, file, undefined);
      return { ...collection.result(), folders: listing.folders, caches: listing.caches };
    } catch (error) {
      collection.close();
      throw error;
    }
  }

  /** Looks for a file that a listing lacks: listings have bounds and pass over caches. */
  async #find(path: string, known: KnownFile): Promise<FoundFile | undefined> {
    if (known.readOnly) return undefined;
    const file = await this.#tree.open(path);
    file?.close();
    return file && { path, size: file.size, mode: file.mode, stamp: file.stamp };
  }

  async #isUnchanged(path: string, known: KnownFile): Promise<boolean> {
    const file = await this.#tree.open(path);
    if (!file) return false;
    try {
      if (file.stamp === known.stamp) return true;
      if (!mayBeSame(file, known)) return false;
      return (await file.digest()) === known.digest;
    } finally {
      file.close();
    }
  }
}

/** Whether a file can be as it is known, so that its digest decides. */
function mayBeSame({ size, mode }: Pick<FoundFile, 'size' | 'mode'>, known: KnownFile | undefined): boolean {
  return known?.digest !== undefined && known.size === size && (known.mode === undefined || known.mode === mode);
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((each, index) => each === others[index]);
}

/** Whether a path is hidden from `ls`: a segment begins with a dot. */
function isHidden(path: string): boolean {
  return path.startsWith('.') || path.includes('/.');
}

/** Folders that tools fill with what they can make again. They are not kept. */
const caches: ReadonlySet<string> = new Set([
  '__pycache__',
  '.cache',
  '.ipynb_checkpoints',
  '.ipython',
  '.jupyter',
  '.mypy_cache',
  '.npm',
  '.pytest_cache',
  '.ruff_cache',
]);

/** Names of folders that are passed over. */
export const cacheNames: readonly string[] = [...caches];

/** Whether a folder of this name is passed over. */
export function isCache(name: string): boolean {
  return caches.has(name);
}

/** What one call of `changes` has found so far. */
class Collection {
  readonly #tree: FileTree;
  readonly #limits: CollectLimits;
  readonly #files: (ChangedFile & { content: OpenFile })[] = [];
  readonly #gone: string[] = [];
  readonly #unchanged: string[] = [];
  readonly #next: Map<string, KnownFile>;
  #truncated: boolean;
  #totalBytes = 0;

  constructor(tree: FileTree, since: Baseline, limits: CollectLimits, truncated: boolean) {
    this.#tree = tree;
    this.#limits = limits;
    this.#next = new Map(since);
    this.#truncated = truncated;
  }

  /** Compares a file with what is known of it; no file: it is gone. */
  async compare(path: string, file: FoundFile | undefined, known: KnownFile | undefined): Promise<void> {
    if (known?.readOnly || (file && file.stamp === known?.stamp)) {
      this.#unchanged.push(path);
      return;
    }
    if (!file) {
      this.#gone.push(path);
      this.#next.delete(path);
      return;
    }
    const isFull = this.#files.length >= this.#limits.files || this.#isTooLarge(file.size);
    // Only a file that may be what it was is looked into when it would be left out.
    if (isFull && !mayBeSame(file, known)) {
      this.#truncated = true;
      return;
    }
    const content = await this.#tree.open(path);
    if (!content) return;
    if (known && mayBeSame(content, known) && (await content.digest()) === known.digest) {
      content.close();
      this.#unchanged.push(path);
      this.#next.set(path, { ...known, stamp: content.stamp });
      return;
    }
    // It may have grown since it was listed; from here on it has the size it was opened with.
    if (isFull || this.#isTooLarge(content.size)) {
      content.close();
      this.#truncated = true;
      return;
    }
    this.#totalBytes += content.size;
    this.#files.push({ path, change: known ? 'modified' : 'created', content });
    this.#next.set(path, { size: content.size, mode: content.mode, stamp: content.stamp });
  }

  #isTooLarge(size: number): boolean {
    return size > this.#limits.fileBytes || this.#totalBytes + size > this.#limits.totalBytes;
  }

  result(): Omit<WorkspaceChanges, 'folders' | 'caches'> {
    return {
      files: this.#files,
      gone: this.#gone,
      unchanged: this.#unchanged,
      truncated: this.#truncated,
      next: this.#next,
    };
  }

  close(): void {
    for (const { content } of this.#files) content.close();
  }
}
