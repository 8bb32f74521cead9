import { basename } from 'node:path/posix';
import type { StoredFile } from '../../core/index.ts';
import type { Citation } from '../items.ts';

/** What a citation needs to know of a file. `name` is its path in the workspace. */
export type Citable = Pick<StoredFile, 'id' | 'sessionId' | 'name'>;

/**
 * Where a link of a model's text may begin: after `sandbox:` anywhere, and as the target of a Markdown link or of an HTML attribute
 * in one of the forms that models write: `sandbox:/mnt/data/x`, `attachment:x`, `file:///mnt/data/x`, `/mnt/data/x`, `./x`, `x`.
 */
const opening =
  /(?<target>\]\(\s*<?|\b(?:href|src)\s*=\s*["'])?(?<span>(?:sandbox|attachment|file):\/{0,3}(?:mnt\/data\/)?|\/mnt\/data\/|\.\/)?/dgi;

/** What may follow the target of a link. */
const closing = /^[)>"'\s?#]/;

/** Whether a text may link a file. */
export function hasLinks(text: string): boolean {
  return /(?:sandbox|attachment|file):|\]\(|\b(?:href|src)\s*=/i.test(text);
}

/**
 * The files a text links, in its order, each once. A span covers the link's target without brackets. Names are compared with the
 * files that exist, because models write spaces and brackets into links as they are.
 */
export function linkedFiles<F extends Citable>(
  text: string,
  files: readonly F[],
): { readonly file: F; readonly citation: Citation }[] {
  const longestFirst = files
    .flatMap((file) => spellings(file.name).map((name) => ({ file, name })))
    .toSorted((a, b) => b.name.length - a.name.length);
  const seen = new Set<F>();
  const found: { file: F; citation: Citation }[] = [];
  for (const { start, nameAt, isTarget } of candidates(text)) {
    const match = longestFirst.find(
      ({ name }) =>
        text.startsWith(name, nameAt) && (!isTarget || closing.test(text.slice(nameAt + name.length) || ')')),
    );
    if (!match || seen.has(match.file)) continue;
    seen.add(match.file);
    found.push({ file: match.file, citation: citationOf(match.file, start, nameAt + match.name.length) });
  }
  return found;
}

/** Places where the name of a file may stand. `isTarget`: only a whole target counts there. */
function* candidates(text: string): Generator<{ start: number; nameAt: number; isTarget: boolean }> {
  for (const match of text.matchAll(opening)) {
    const { target, span } = match.groups as { target?: string; span?: string };
    const isScheme = span !== undefined && /^sandbox:\/mnt\/data\/$/i.test(span);
    if (target === undefined && !isScheme) continue;
    const nameAt = match.index + match[0].length;
    yield { start: nameAt - (span?.length ?? 0), nameAt, isTarget: !isScheme };
  }
}

/** How links spell a path: as it is or percent-encoded, its accents composed or decomposed. */
function spellings(path: string): string[] {
  const forms = [path, path.normalize('NFC'), path.normalize('NFD')].map((form) => form.toWellFormed());
  const encoded = forms.flatMap((form) => [encodeURI(form), form.split('/').map(encodeURIComponent).join('/')]);
  return [...new Set([path, ...forms, ...encoded])];
}

/** The citation of a file; without a span no link names it. */
export function citationOf({ id, sessionId, name }: Citable, start = 0, end = 0): Citation {
  return { sessionId, fileId: id, name: basename(name), start, end };
}

/** Whether a file is of interest to people. What programs leave behind for themselves is not. */
export function isForPeople(path: string): boolean {
  return path.split('/').every((segment) => !segment.startsWith('.') && segment !== '__pycache__');
}
