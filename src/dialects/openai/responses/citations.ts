import { basename } from 'node:path/posix';
import type { StoredFile } from '../../../core/index.ts';
import { wireId } from '../ids.ts';
import type { Annotation } from './items.ts';

/** How a message links a file of its container. */
const scheme = 'sandbox:/mnt/data/';

export function hasLinks(text: string): boolean {
  return text.includes(scheme);
}

/** What a citation needs to know of a file. */
export type Cited = Pick<StoredFile, 'id' | 'sessionId' | 'name'>;

/**
 * What a message's text links, in its order and each file once: the span is `sandbox:/mnt/data/NAME` without the brackets
 * around it. Names are matched against the files there are, because models write spaces and brackets into links as they are.
 */
export function linkedFiles(text: string, files: readonly Cited[]): { file: Cited; annotation: Annotation }[] {
  const longestFirst = files
    .flatMap((file) => [...new Set([file.name, encodeURI(file.name.toWellFormed())])].map((name) => ({ file, name })))
    .toSorted((a, b) => b.name.length - a.name.length);
  const seen = new Set<Cited>();
  const found: { file: Cited; annotation: Annotation }[] = [];
  for (let at = text.indexOf(scheme); at >= 0; at = text.indexOf(scheme, at + 1)) {
    const from = at + scheme.length;
    const match = longestFirst.find(({ name }) => text.startsWith(name, from));
    if (!match || seen.has(match.file)) continue;
    seen.add(match.file);
    found.push({ file: match.file, annotation: citation(match.file, at, from + match.name.length) });
  }
  return found;
}

/** The citation of a file; without a span it is not linked anywhere. */
export function citation(file: Cited, start = 0, end = 0): Annotation {
  return {
    type: 'container_file_citation',
    container_id: wireId('container', file.sessionId),
    file_id: wireId('containerFile', file.id),
    filename: basename(file.name),
    start_index: start,
    end_index: end,
  };
}

/** Whether a file is worth a citation of its own: what programs leave behind for themselves is not. */
export function isForPeople(path: string): boolean {
  return path.split('/').every((segment) => !segment.startsWith('.') && segment !== '__pycache__');
}
