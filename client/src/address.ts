import { PathError } from './errors.ts';

/**
 * The path of an address, such as `/sessions/ab/files`, from its segments. Every id and name in an address goes through here: `..` in an
 * address names something else.
 * @throws PathError for a segment that is empty, `.` or `..`, contains `/`, or is not valid Unicode
 */
export function pathOf(...segments: readonly string[]): string {
  return segments.map((segment) => `/${encoded(segment)}`).join('');
}

function encoded(segment: string): string {
  if (typeof segment === 'string' && !['', '.', '..'].includes(segment) && !segment.includes('/')) {
    try {
      return encodeURIComponent(segment);
    } catch {
      // Half of a character has no bytes: it is told below.
    }
  }
  throw new PathError(`${JSON.stringify(segment)} is no id: an id is not empty, not "." or "..", and has no "/"`);
}
