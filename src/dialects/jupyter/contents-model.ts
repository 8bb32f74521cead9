import type { StoredFile } from '../../core/index.ts';
import type { Fields } from './wire.ts';

/** Keeps a folder that is empty: names that begin with a dot are not shown. */
export const folderMark = '.folder';

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function isNotebook(path: string): boolean {
  return path.toLowerCase().endsWith('.ipynb');
}

export const isHidden = (path: string) => path.split('/').some((segment) => segment.startsWith('.'));

/** The model of a file without its content. */
export function fileModel(file: StoredFile, withHash = false): Fields {
  const at = new Date(file.createdAt).toISOString();
  const type = isNotebook(file.name) ? 'notebook' : 'file';
  return {
    ...{ name: nameOf(file.name), path: file.name, type, writable: true, created: at, last_modified: at },
    ...{ mimetype: null, content: null, format: null, size: file.size },
    ...(withHash ? { hash: file.digest, hash_algorithm: 'sha256' } : { hash: null, hash_algorithm: null }),
  };
}

/** The model of a folder; undefined: there is none. */
export function folderModel(
  path: string,
  files: readonly StoredFile[],
  { withContent, isWritable, now }: { withContent: boolean; isWritable: boolean; now: number },
): Fields | undefined {
  const inside = below(path, files);
  if (path !== '' && inside.length === 0) return undefined;
  const latest = inside.reduce((last, file) => Math.max(last, file.createdAt), 0) || now;
  const at = new Date(latest).toISOString();
  const about = { name: nameOf(path), path, type: 'directory', writable: isWritable, created: at, last_modified: at };
  const rest = { mimetype: null, size: null, hash: null, hash_algorithm: null };
  if (!withContent) return { ...about, ...rest, content: null, format: null };
  const start = path === '' ? 0 : path.length + 1;
  const names = new Set(inside.map(({ name }) => name.slice(start).split('/')[0]!));
  const content = [...names]
    .filter((name) => !isHidden(name))
    .map((name) => {
      const full = path === '' ? name : `${path}/${name}`;
      const file = inside.find((each) => each.name === full);
      return file ? fileModel(file) : folderModel(full, inside, { withContent: false, isWritable, now });
    });
  return { ...about, ...rest, content, format: 'json' };
}

/** The files in a folder and below it. */
export function below(path: string, files: readonly StoredFile[]): readonly StoredFile[] {
  return path === '' ? files : files.filter(({ name }) => name.startsWith(`${path}/`));
}

/** A name that is free in a folder: `Untitled.ipynb`, `Untitled1.ipynb`, and so on. */
export function freeName(folder: string, stem: string, ending: string, files: readonly StoredFile[], gap = ''): string {
  for (let number = 0; ; number++) {
    const name = `${stem}${number === 0 ? '' : `${gap}${number}`}${ending}`;
    const path = folder === '' ? name : `${folder}/${name}`;
    if (!files.some((file) => file.name === path || file.name.startsWith(`${path}/`))) return path;
  }
}

export const emptyNotebook: Fields = { cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 };
