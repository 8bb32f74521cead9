import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { SetupError } from '../host/index.ts';

/** What an image is made for and with, besides what its folder says. */
export interface ImageTarget {
  /** Debian's name of the architecture: `amd64`, `arm64`. */
  architecture: string;
  /** The Node that is copied in, as `v24.1.0`. */
  nodeVersion: string;
}

const schema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9]*$/),
  description: z.string(),
  suite: z.string().regex(/^[a-z]+$/),
  /** Files with the names of Debian packages; everything after `#` is a comment. */
  packages: z.array(z.string()).min(1),
  /** Path patterns that are not unpacked, and the exceptions to them. */
  exclude: z.array(z.string()),
  include: z.array(z.string()),
  /** Shell programs that are run on the host with the root as `$1`. */
  hooks: z.strictObject({ essential: z.string().optional(), customize: z.string().optional() }),
  /** Programs in `smoke/` that must succeed in a sandbox, and what runs them. */
  smoke: z.array(
    z.strictObject({
      file: z.string(),
      run: z.array(z.string()).min(1),
      /** Left out where these packages could not be had. */
      needs: z.enum(['python', 'npm']).optional(),
    }),
  ),
  /** Commands whose output tells a version. */
  versions: z.record(z.string(), z.array(z.string()).min(1)),
  /** About the size of the finished root, in MiB. */
  expectedMiB: z.number().int().positive(),
  /** A definition beside this one whose content comes first. */
  extends: z.string().optional(),
  /** A file for pip: what Debian lacks, pinned, every archive by its digest. */
  python: z.string().optional(),
  /** A folder with `package.json` and `package-lock.json`; its packages go where every program finds them. */
  npm: z.string().optional(),
  /** Files of this folder that go into the root, by where they go. */
  files: z.record(z.string().startsWith('/usr/'), z.string()).optional(),
  /** A shell program that is run in the finished root, with what a sandbox has around it and no network. */
  prepare: z.string().optional(),
});

type Content = Omit<z.infer<typeof schema>, 'smoke' | 'npm' | 'extends' | 'hooks'> & {
  hooks: { essential: string; customize: string };
  smoke: { file: string; run: string[]; text: string; needs?: 'python' | 'npm' | undefined }[];
  npm?: { manifest: string; lock: string };
};

/** An image as its folder describes it, with the files it refers to read. */
export interface ImageDefinition extends Content {
  target: ImageTarget;
  /** Changes with anything that would change the image; 12 hexadecimal digits. */
  hash: string;
}

/**
 * Reads `image.json` in a folder and everything it names.
 * @throws SetupError when a file is missing or says something impossible
 */
export function readImageDefinition(folder: string, target: ImageTarget): ImageDefinition {
  const content = { ...readContent(folder, []), target };
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 12);
  return { ...content, hash };
}

function readContent(folder: string, below: readonly string[]): Content {
  const path = join(folder, 'image.json');
  const parsed = schema.safeParse(parseJson(path));
  if (!parsed.success) throw new SetupError(`${path} is not an image definition:\n${z.prettifyError(parsed.error)}`);
  if (below.includes(path)) throw new SetupError(`${path} extends itself.`);
  const text = (name: string) => read(join(folder, name));
  const { extends: base, npm, python, prepare, files, ...rest } = parsed.data;
  const content: Content = {
    ...rest,
    packages: rest.packages.flatMap((name) => parsePackageList(text(name))),
    hooks: {
      essential: rest.hooks.essential === undefined ? '' : text(rest.hooks.essential),
      customize: rest.hooks.customize === undefined ? '' : text(rest.hooks.customize),
    },
    smoke: rest.smoke.map((program) => ({ ...program, text: text(join('smoke', program.file)) })),
    ...(python !== undefined && { python: text(python) }),
    ...(npm !== undefined && {
      npm: { manifest: text(join(npm, 'package.json')), lock: text(join(npm, 'package-lock.json')) },
    }),
    ...(files !== undefined && {
      files: Object.fromEntries(Object.entries(files).map(([target, name]) => [target, text(name)])),
    }),
    ...(prepare !== undefined && { prepare: text(prepare) }),
  };
  if (base === undefined) return content;
  return extend(readContent(join(dirname(folder), base), [...below, path]), content);
}

/** Lists are joined, the base's first; hooks run as two programs, the one that tidies up (the base's `customize`) last. */
function extend(base: Content, own: Content): Content {
  return {
    ...base,
    ...own,
    packages: [...new Set([...base.packages, ...own.packages])],
    exclude: [...base.exclude, ...own.exclude],
    include: [...base.include, ...own.include],
    hooks: {
      essential: inTurn(base.hooks.essential, own.hooks.essential),
      customize: inTurn(own.hooks.customize, base.hooks.customize),
    },
    smoke: [...base.smoke, ...own.smoke],
    versions: { ...base.versions, ...own.versions },
  };
}

/** Each in a shell of its own, so that neither sees the other's variables; the first that fails ends both. */
function inTurn(...programs: string[]): string {
  const given = programs.filter(Boolean);
  return given.length < 2 ? given.join('') : ['set -e', ...given.map((program) => `(\n${program}\n)`)].join('\n');
}

/** Names of packages, one a line, with `#` comments. */
export function parsePackageList(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter(Boolean);
}

/** Debian's name for an architecture Node names. */
export function debianArchitecture(nodeArchitecture: string): string {
  const name = { x64: 'amd64', arm64: 'arm64' }[nodeArchitecture];
  if (name) return name;
  throw new SetupError(`Images can be built for x64 and arm64, not for ${nodeArchitecture}.`);
}

function parseJson(path: string): unknown {
  try {
    return JSON.parse(read(path));
  } catch (error) {
    if (error instanceof SyntaxError) throw new SetupError(`${path} is not JSON: ${error.message}`, error);
    throw error;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SetupError(`A part of the image definition cannot be read: ${path}`, cause);
  }
}
