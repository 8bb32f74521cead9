import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One place packages come from, as the host's apt is told. */
export interface AptSource {
  uris: string[];
  suites: string[];
  components: string[];
  /** The keyring it is checked against, when that is a file. */
  signedBy?: string;
}

/** Binary package sources of the host, from `sources.list` and `sources.list.d`. Files that cannot be read count as absent. */
export function readAptSources(etcApt: string): AptSource[] {
  const parts = join(etcApt, 'sources.list.d');
  return [
    ...parseOneLineSources(readOrEmpty(join(etcApt, 'sources.list'))),
    ...namesIn(parts).flatMap((name) => {
      if (name.endsWith('.list')) return parseOneLineSources(readOrEmpty(join(parts, name)));
      if (name.endsWith('.sources')) return parseDeb822Sources(readOrEmpty(join(parts, name)));
      return [];
    }),
  ];
}

/** The old format: `deb [option=value …] uri suite component …`, one a line. */
export function parseOneLineSources(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match?.[2] || !match[3]) return [];
    const signedBy = /(?:^|\s)signed-by=(\S+)/.exec(match[1] ?? '')?.[1];
    return [source([match[2]], [match[3]], words(match[4] ?? ''), signedBy)];
  });
}

/** The new format: paragraphs of `Field: value`, continued by an indented line, with `#` comments. */
export function parseDeb822Sources(text: string): AptSource[] {
  const paragraphs = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n\s*\n/);
  return paragraphs.flatMap((paragraph) => {
    const fields = new Map<string, string>();
    for (const [, name, value] of paragraph.matchAll(/^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)/gm))
      fields.set(name!.toLowerCase(), value!.trim());
    const off = /^(no|false|without|off|disable|0)$/i.test(fields.get('enabled') ?? 'yes');
    if (off || !words(fields.get('types') ?? '').includes('deb')) return [];
    const uris = words(fields.get('uris') ?? '');
    const suites = words(fields.get('suites') ?? '');
    if (uris.length === 0 || suites.length === 0) return [];
    return [source(uris, suites, words(fields.get('components') ?? ''), fields.get('signed-by'))];
  });
}

function source(uris: string[], suites: string[], components: string[], signedBy: string | undefined): AptSource {
  // A key may also be written out, or named by its fingerprint: then the default keyring has to do.
  const keyring = signedBy?.startsWith('/') && !/\s/.test(signedBy) ? signedBy : undefined;
  return { uris, suites, components, ...(keyring && { signedBy: keyring }) };
}

const words = (text: string) => text.split(/\s+/).filter(Boolean);

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
