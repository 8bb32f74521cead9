import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const table = z.record(z.string(), z.string()).default({});
const hintsSchema = z.strictObject({
  /** Modules of Python. */
  modules: table,
  commands: table,
  /** Packages of npm. */
  npm: table,
  /** Packages of R. */
  r: table,
});

/** Sentences that say what replaces a thing that the image lacks, by its name. */
export type Hints = z.infer<typeof hintsSchema>;

/** For an image that says nothing. */
export const noHints: Hints = { modules: {}, commands: {}, npm: {}, r: {} };

/** Where an image has its own. */
const hintsInside = 'usr/share/dragoman/hints.json';

/** The hints of an image, or those of a file where it has none. @throws Error naming the file that is malformed */
export function loadHints(imageRoot: string, otherwise: string): Hints {
  const inside = join(imageRoot, hintsInside);
  const file = existsSync(inside) ? inside : otherwise;
  const parsed = hintsSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** What stderr holds, by a pattern with the name of what is missing, and what to say about it. */
interface Rule {
  readonly pattern: RegExp;
  hint(name: string, hints: Hints): string | undefined;
}

const noInstall = 'nothing can be installed: there is no network';
const noNetwork = 'There is no network here, so nothing can be downloaded: upload the files that are needed.';

const rules: readonly Rule[] = [
  {
    pattern: /^(?:ModuleNotFoundError|ImportError): No module named '([\w.]{1,100})'/gm,
    hint: (name, { modules }) =>
      lacking(name, entry(modules, name) ?? entry(modules, name.split('.')[0]!), '`pip list` lists what is here.'),
  },
  {
    pattern: /Cannot find (?:module|package) '((?:@[\w.-]{1,60}\/)?[\w-][\w.-]{0,60})(?:\/[^']{0,100})?'/g,
    hint: (name, { npm }) => lacking(name, entry(npm, name), '`npm list` lists what is here.'),
  },
  {
    pattern: /there is no package called [‘']([\w.]{1,60})[’']/g,
    hint: (name, { r }) => lacking(name, entry(r, name), '`rownames(installed.packages())` lists what is here.'),
  },
  {
    // Shells, and programs that start one without a shell.
    pattern: /(?:^|[:\s])([\w.+-]{1,60}): (?:command )?not found$/gm,
    hint: (name, { commands }) => lacking(name, entry(commands, name)),
  },
  {
    pattern: /^FileNotFoundError: \[Errno 2\] No such file or directory: '([\w.+-]{1,60})'$/gm,
    hint: (name, { commands }) => (entry(commands, name) ? lacking(name, entry(commands, name)) : undefined),
  },
  {
    pattern: /(?:unresolved import|can't find crate for|unlinked crate|undeclared crate or module) `(\w{1,60})/g,
    hint: (name) => lacking(`the crate ${name}`, undefined),
  },
  {
    pattern:
      /(?:no required module provides package|could not import) ([^\s:;/]{1,60}\.[^\s:;/]{1,20}\/[^\s:;]{1,80})/g,
    hint: (name) => lacking(`the package ${name}`, undefined, 'The standard library is here.'),
  },
  {
    pattern:
      /name resolution|[Nn]ame or service not known|[Cc]ould not resolve|unable to resolve|ENOTFOUND|EAI_AGAIN|ENETUNREACH|[Nn]etwork is unreachable|dial tcp: lookup|UnknownHostException|No address associated|cannot open URL/g,
    hint: () => noNetwork,
  },
  {
    pattern: /no display name and no \$DISPLAY|cannot open display|could not connect to display/g,
    hint: () => 'There is no screen here. Draw with matplotlib or PIL and save the picture.',
  },
  {
    pattern: /Neither Selenium nor Playwright is installed/g,
    hint: () => 'There is no browser here: `save` writes a page; for a picture draw with matplotlib.',
  },
  {
    pattern: /^EOFError: EOF when reading a line$/gm,
    hint: () => 'There is no input to read: put the value into the code.',
  },
];

const maxHints = 3;

/** Lines, in brackets, that say what to do about things that this image lacks and that stderr complains of. */
export function hintsFor(text: string, hints: Hints): string[] {
  // Each search makes a regular expression of its own, and most programs print nothing to stderr.
  if (text === '') return [];
  const found = new Set<string>();
  for (const { pattern, hint } of rules) {
    for (const match of text.matchAll(pattern)) {
      const line = hint(match[1] ?? '', hints);
      if (line && !text.includes(line)) found.add(`[${line}]`);
      if (found.size >= maxHints) return [...found];
    }
  }
  return [...found];
}

function lacking(name: string, instead: string | undefined, otherwise?: string): string {
  return `${name} is not installed, and ${noInstall}.${instead || otherwise ? ` ${instead ?? otherwise}` : ''}`;
}

function entry(table: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
