import { DragomanError, workspacePath } from '../../core/index.ts';

/** Every input needs a place of its own: no path twice, none a directory of another. @throws DragomanError invalid_request */
export function checkDestinations(paths: readonly string[]): void {
  const files = new Set<string>();
  for (const path of paths) {
    workspacePath(path);
    if (files.has(path)) throw new DragomanError('invalid_request', { message: 'two files have the same destination' });
    files.add(path);
  }
  for (const path of paths) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      if (files.has(path.slice(0, at))) {
        throw new DragomanError('invalid_request', { message: 'one file would be a directory of another' });
      }
    }
  }
}
