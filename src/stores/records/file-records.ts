import type { FileSet, Principal, StoredFile } from '../../core/index.ts';

/** Superseded files that a file set keeps: a citation of yesterday still downloads, and the disk does not fill. */
export const keptSuperseded = 200;

/** The principal that a record belongs to. */
export type Owner = Pick<Principal, 'tenant' | 'id'>;

/** The most that the files of one owner may take. */
export interface FileQuota {
  /** Each file counts in whole blocks (`chargedBytes`). */
  readonly bytes: number;
  readonly files: number;
}

/** What the files of one owner take. */
export interface OwnedStorage {
  readonly owner: Owner;
  readonly bytes: number;
  readonly files: number;
}

/** A change of a file set. */
export interface FileSetRevision {
  readonly expiresAt: number;
  /** Files to record. */
  readonly added: readonly StoredFile[];
  /** Ids of files that were replaced, or removed from the workspace: `file` still finds them, `list` does not. */
  readonly superseded: readonly string[];
  /** See `create`. */
  readonly quota?: FileQuota | undefined;
  /** Of files that a worker made in a session: the epoch it made them in. Those of an earlier epoch are refused. */
  readonly epoch?: number | undefined;
  /** The turn of its session in which a gateway does this. What is of an earlier turn is refused. */
  readonly turn?: number | undefined;
  /** Id of the execution that made the files, where more than one gateway may record them: it is recorded once. */
  readonly once?: Once | undefined;
}

/** What is recorded at most once. */
export interface Once {
  readonly id: string;
  /** How long that is remembered, in milliseconds since the epoch. */
  readonly until: number;
}

export interface FilePage {
  readonly limit?: number;
  /** Goes on behind the file with this id; an unknown one ends the list. */
  readonly after?: string | undefined;
}

/** File sets and their files. A file's content is recorded and held (`ContentRecords.hold`) before the file is. */
export interface FileRecords {
  /**
   * Records a file set and its files, all or nothing. The files name this set as theirs. Holds with the files' ids end.
   * @param quota what all files of the set's owner may take together with these; absent: no limit
   * @param once see `FileSetRevision`
   * @returns false when the execution of `once` was recorded before: then nothing is changed
   * @throws DragomanError internal when the set's id, or a file's id within it, is taken; quota_exceeded; not_found when the
   *   content of a file is gone
   */
  create(set: FileSet, files: readonly StoredFile[], quota?: FileQuota, once?: Once): Promise<boolean>;
  /**
   * Changes a file set, all or nothing. Of its superseded files the latest `keptSuperseded` stay.
   * @throws DragomanError not_found when it is gone, or the content of a file; quota_exceeded, never for a change that adds
   *   nothing; conflict when its session is in another epoch or turn by now
   * @returns false when the execution of `once` was recorded before, in whatever epoch and turn: then nothing is changed
   */
  revise(id: string, revision: FileSetRevision): Promise<boolean>;
  /** Removes a file set and its files. Returns false when it did not exist. */
  deleteSet(id: string): Promise<boolean>;
  /** The file set with this id, expired or not. */
  set(id: string): Promise<FileSet | undefined>;
  /** One file and its file set, expired or not. */
  file(setId: string, fileId: string): Promise<{ set: FileSet; file: StoredFile } | undefined>;
  /** The files of exactly this set in the order they were recorded, without superseded ones. */
  list(setId: string, page?: FilePage): Promise<StoredFile[]>;
  /** Returns false when there was no such file. */
  delete(setId: string, fileId: string): Promise<boolean>;
  /** Removes every file set that expired before `now` with its files; returns how many sets. */
  deleteExpired(now: number): Promise<number>;
  /** What the files of one owner take, superseded ones too. Costs the same for any number of files. */
  stored(owner: Owner): Promise<{ readonly bytes: number; readonly files: number }>;
  /** The same for all owners, in the order of tenant and owner, from behind `after`: a page of it. */
  storedPage(limit: number, after?: Owner): Promise<OwnedStorage[]>;
}
