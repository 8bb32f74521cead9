import { createContext } from 'preact';

/** Where compilers and interpreters say that something is, in the source that ran. */
export interface SourcePlace {
  /** Where it stands in the text that names it. */
  readonly from: number;
  readonly to: number;
  /** From 1. */
  readonly line: number;
  readonly column: number | undefined;
}

/** The source beside an output, which places in the output lead to. */
export interface Source {
  readonly language: string;
  readonly lines: number;
  go(line: number, column: number | undefined): void;
}

/** Undefined: places lead nowhere, and are text. */
export const SourceContext = createContext<Source | undefined>(undefined);

/** Names of the file that a source is staged as. A class of Java may give the file its name. */
const files: Readonly<Record<string, string>> = {
  bash: 'script\\.sh',
  c: 'main\\.c',
  cpp: 'main\\.cpp',
  d: 'main\\.d',
  fortran: 'main\\.f90',
  go: 'main\\.go',
  java: '[A-Z]\\w*\\.java',
  javascript: 'index\\.js',
  php: 'main\\.php',
  python: 'main\\.py',
  r: 'main\\.R',
  rust: 'main\\.rs',
  typescript: 'main\\.ts',
};
/** `:3:5`, `(3,5)`, ` on line 3`, `: line 3`. */
const spot = '(?::(\\d+)(?::(\\d+))?|\\((\\d+)(?:,(\\d+))?\\)|(?: on|:) line (\\d+))';
const patterns = new Map<string, RegExp>();
/** Of a line of output: the rest of a longer one is not searched. */
const searched = 2000;

/** The places of the source that one line of output names. */
export function placesIn(text: string, { language, lines }: Pick<Source, 'language' | 'lines'>): SourcePlace[] {
  const file = files[language];
  if (file === undefined || !/\d/.test(text)) return [];
  let pattern = patterns.get(language);
  if (!pattern) {
    pattern = new RegExp(`(?<![\\w.-])(?:[\\w.-]*/)*${file}${spot}`, 'g');
    patterns.set(language, pattern);
  }
  return [...text.slice(0, searched).matchAll(pattern)].flatMap((match) => {
    const [whole, a, b, c, d, e] = match;
    const line = Number(a ?? c ?? e);
    const column = b ?? d;
    if (line < 1 || line > lines) return [];
    const from = match.index;
    return [{ from, to: from + whole.length, line, column: column === undefined ? undefined : Number(column) }];
  });
}
