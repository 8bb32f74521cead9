import { workspacePath } from './paths.ts';

/** Where clients and models say that the workspace is. */
const roots = /^(?:sandbox:)?\/mnt\/data\/+/;

/**
 * The relative path that a client means by the name of a file: `/mnt/data/x`, `sandbox:/mnt/data/x` and a browser's
 * `C:\fakepath\x` are `x`. Anything else stays as it is.
 */
export function relativeName(name: string): string {
  const last = /^[A-Za-z]:\\/.test(name) ? name.slice(name.lastIndexOf('\\') + 1) : name;
  return last.replace(roots, '');
}

/**
 * The path in the workspace for a name that a client gives, in composed Unicode (NFC): the name that a Mac uploads is then the
 * name that a model writes.
 * @throws DragomanError invalid_request as `workspacePath`
 */
export function clientPath(name: string): string {
  return workspacePath(relativeName(name).normalize('NFC'));
}
