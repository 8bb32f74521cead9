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

/** A layer adds packages and files to another image that is built already. */
const layerSchema = schema
  .omit({ suite: true, exclude: true, include: true, hooks: true, extends: true, npm: true })
  .extend({
    /** The definition beside this one whose built image it lies on. */
    on: z.string(),
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
  /** The image this one is a layer on. `packages` are the layer's own then, and there are no `hooks`. */
  on?: ImageDefinition;
}

/**
 * Reads `image.json` in a folder and everything it names.
 * @throws SetupError when a file is missing or says something impossible
 */
export function readImageDefinition(folder: string, target: ImageTarget): ImageDefinition {
  return readWith(folder, target, []);
}

function readWith(folder: string, target: ImageTarget, above: readonly string[]): ImageDefinition {
  const path = join(folder, 'image.json');
  const json = parseJson(path);
  if (above.includes(path)) throw new SetupError(`${path} is a layer on itself.`);
  if (typeof json !== 'object' || json === null || !('on' in json)) return hashed(readContent(folder, []), target);
  const { on, ...layer } = check(layerSchema, path, json);
  const base = readWith(join(dirname(folder), on), target, [...above, path]);
  const { suite, exclude, include } = base;
  return hashed(withTexts(folder, { suite, exclude, include, hooks: {}, ...layer }), target, base);
}

function hashed(content: Content, target: ImageTarget, on?: ImageDefinition): ImageDefinition {
  const all = { ...content, target, ...(on && { on: on.hash }) };
  const hash = createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 12);
  return { ...content, target, hash, ...(on && { on }) };
}

function check<T>(schema: z.ZodType<T>, path: string, json: unknown): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new SetupError(`${path} is not an image definition:\n${z.prettifyError(parsed.error)}`);
}

function readContent(folder: string, below: readonly string[]): Content {
  const path = join(folder, 'image.json');
  const { extends: base, ...own } = check(schema, path, parseJson(path));
  if (below.includes(path)) throw new SetupError(`${path} extends itself.`);
  const content = withTexts(folder, own);
  if (base === undefined) return content;
  return extend(readContent(join(dirname(folder), base), [...below, path]), content);
}

/** The definition with the files that it names read. */
function withTexts(folder: string, own: Omit<z.infer<typeof schema>, 'extends'>): Content {
  const text = (name: string) => read(join(folder, name));
  const { npm, python, prepare, files, ...rest } = own;
  return {
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
    files: { ...base.files, ...own.files },
    ...((base.prepare || own.prepare) && { prepare: inTurn(base.prepare ?? '', own.prepare ?? '') }),
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
