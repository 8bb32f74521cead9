import { DragomanError, type FileChange, type FileEntry } from '../../core/index.ts';

type Value = Readonly<Record<string, unknown>>;

const kinds: readonly unknown[] = ['file', 'directory', 'symlink', 'other'];
const changes: readonly unknown[] = ['created', 'written', 'removed', 'renamed', 'mode', 'overflow'];
const maxPathLength = 8192;

/** A file as the guest tells of it. @throws DragomanError sandbox_unavailable when that is not how a guest tells of one */
export function entryOf(value: unknown): FileEntry {
  const { path, name, kind, targetKind, target, size, mode, modifiedAt, user, group } = (value ?? {}) as Value;
  const isEntry =
    [path, name].every(isPath) &&
    kinds.includes(kind) &&
    (targetKind === null || kinds.includes(targetKind)) &&
    (target === null || isPath(target)) &&
    [size, mode].every((each) => Number.isSafeInteger(each) && (each as number) >= 0) &&
    Number.isSafeInteger(modifiedAt) &&
    [user, group].every((each) => typeof each === 'string' && each.length <= 100);
  if (!isEntry) throw nonsense();
  return { path, name, kind, targetKind, target, size, mode, modifiedAt, user, group } as FileEntry;
}

/** A batch of a directory. @throws DragomanError as `entryOf` */
export function batchOf({ entries, more, truncated }: Value): {
  entries: FileEntry[];
  more: boolean;
  truncated: boolean;
} {
  if (!Array.isArray(entries)) throw nonsense();
  return { entries: entries.map(entryOf), more: more === true, truncated: truncated === true };
}

/** What has changed. @throws DragomanError as `entryOf` */
export function changesOf({ changes: said }: Value): FileChange[] {
  if (!Array.isArray(said)) throw nonsense();
  return said.map((each) => {
    const { change, path } = (each ?? {}) as Value;
    if (!changes.includes(change) || typeof path !== 'string' || path.length > maxPathLength) throw nonsense();
    return { change, path } as FileChange;
  });
}

/** A size, or null where it is not known. @throws DragomanError as `entryOf` */
export function sizeOf({ size }: Value): number | null {
  if (size !== null && !(Number.isSafeInteger(size) && (size as number) >= 0)) throw nonsense();
  return size as number | null;
}

export function nonsense(): DragomanError {
  return new DragomanError('sandbox_unavailable', { message: 'The sandbox answers nonsense.', lasting: true });
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && value.length <= maxPathLength;
}
