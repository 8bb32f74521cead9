/**
 * Who may read a stored session's files besides the principal that made it: nobody (`user`), or anyone of the same tenant
 * who names the same agent, or the same skill in the same version (LibreChat's rule).
 */
export type FileScope =
  | { readonly kind: 'user' }
  | { readonly kind: 'agent'; readonly id: string }
  | { readonly kind: 'skill'; readonly id: string; readonly version: number };

/** The owner's side of a stored session: one upload call, or the files one execution made. */
export interface FileSet {
  readonly id: string;
  readonly tenant: string;
  readonly principalId: string;
  readonly scope: FileScope;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** One file of a stored session. The bytes live in the file store under `digest`. */
export interface StoredFile {
  readonly id: string;
  readonly sessionId: string;
  /** Relative path, `/` between segments, exactly as the client gave it or the program made it. */
  readonly name: string;
  readonly size: number;
  /** sha256 of the bytes in lower-case hexadecimal. */
  readonly digest: string;
  readonly contentType: string;
  readonly readOnly: boolean;
  /** Who put it there: a caller, or a program that made or changed it. */
  readonly source: 'user' | 'program';
  readonly createdAt: number;
}

/** A caller's way to say which file it means. */
export interface FileRef {
  readonly sessionId: string;
  readonly fileId: string;
  /** The scope the caller claims; checked against the stored session's. */
  readonly scope: FileScope;
}
