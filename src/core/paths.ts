import { DragomanError } from './errors.ts';

export const maxPathLength = 256;
export const maxPathDepth = 10;
/** A session remembers at most this many empty folders. */
export const maxEmptyFolders = 200;

/**
 * Checks a workspace path that came from a client: relative, `/` between segments, no empty, `.` or `..` segment, no
 * control character or backslash, at most 256 characters and 10 levels. Returns it unchanged.
 * @throws DragomanError invalid_request, naming the rule that was broken
 */
export function workspacePath(path: string): string {
  const fault = pathFault(path);
  if (fault) throw new DragomanError('invalid_request', { message: `file name ${fault}` });
  return path;
}

/** The rule a workspace path breaks, as the end of a sentence, or undefined. */
export function pathFault(path: string): string | undefined {
  if (path.length === 0) return 'must not be empty';
  if (path.length > maxPathLength) return `must be at most ${maxPathLength} characters`;
  if (path.startsWith('/')) return 'must be relative';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u001f\u007f-\u009f\\]/.test(path)) return 'must not contain control characters or backslashes';
  if (!path.isWellFormed()) return 'must be valid Unicode';
  const segments = path.split('/');
  if (segments.length > maxPathDepth) return `must be at most ${maxPathDepth} levels deep`;
  for (const segment of segments) {
    if (segment === '' || segment === '.' || segment === '..') return 'must not contain empty, "." or ".." segments';
    if (Buffer.byteLength(segment) > 255) return 'must not contain a segment over 255 bytes';
  }
  return undefined;
}
