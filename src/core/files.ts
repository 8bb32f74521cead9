/**
 * Which other principals may read the files of a file set: none (`user`), or those of the same tenant that name the same
 * agent, or the same skill in the same version (LibreChat's rule).
 */
export type FileScope =
  | { readonly kind: 'user' }
  | { readonly kind: 'agent'; readonly id: string }
  | { readonly kind: 'skill'; readonly id: string; readonly version: number };

/** Files that came together and expire together: of one upload, of one execution, or of a session. */
export interface FileSet {
  readonly id: string;
  readonly tenant: string;
  readonly principalId: string;
  readonly scope: FileScope;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** One file of a file set. The bytes live in the file store under `digest`. */
export interface StoredFile {
  readonly id: string;
  /** Id of its file set. */
  readonly sessionId: string;
  /** Relative path, `/` between segments, exactly as the client gave it or the program made it. */
  readonly name: string;
  readonly size: number;
  /** sha256 of the bytes in lower-case hexadecimal. */
  readonly digest: string;
  readonly contentType: string;
  readonly readOnly: boolean;
  /** Unix permission bits, for example 0o755. Absent: as of an upload, 0o644, or 0o444 for a read-only file. */
  readonly mode?: number;
  /** `user`: a caller put it there; `program`: a program made or changed it. */
  readonly source: 'user' | 'program';
  readonly createdAt: number;
}

/** What a request says of whose file it means. `unclaimed`: nothing, so the file has to be the caller's own. */
export type FileClaim = FileScope | { readonly kind: 'unclaimed' };

/** Bytes of a file from `start` to `end`, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** How a caller names a file. */
export interface FileRef {
  readonly sessionId: string;
  readonly fileId: string;
  /** A claim has to be the scope of the file set. */
  readonly scope: FileClaim;
}
