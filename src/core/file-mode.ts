/** Permission bits of a file that was uploaded. */
export const uploadMode = 0o644;

/**
 * The permission bits of a mode that are kept: those of owner, group and others. The owner can always read, because a file that
 * cannot be read cannot be kept; setuid, setgid, sticky bits and the type of the file are dropped.
 */
export function keptMode(mode: number): number {
  return (mode & 0o777) | 0o400;
}

/** Permission bits of a stored file, as a workspace or an archive shows them. */
export function modeOf({ mode, readOnly }: { readonly mode?: number | undefined; readonly readOnly: boolean }): number {
  if (readOnly) return 0o444;
  return mode === undefined ? uploadMode : keptMode(mode);
}
