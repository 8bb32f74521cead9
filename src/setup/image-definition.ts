import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { SetupError } from './setup-error.ts';

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
  hooks: z.strictObject({ essential: z.string(), customize: z.string() }),
  /** Programs in `smoke/` that must succeed in a sandbox, and what runs them. */
  smoke: z.array(z.strictObject({ file: z.string(), run: z.array(z.string()).min(1) })),
  /** Commands whose output tells a version. */
  versions: z.record(z.string(), z.array(z.string()).min(1)),
  /** About the size of the finished root, in MiB. */
  expectedMiB: z.number().int().positive(),
});

/** An image as its folder describes it, with the files it refers to read. */
export interface ImageDefinition extends Omit<z.infer<typeof schema>, 'smoke'> {
  smoke: { file: string; run: string[]; text: string }[];
  target: ImageTarget;
  /** Changes with anything that would change the image; 12 hexadecimal digits. */
  hash: string;
}

/**
 * Reads `image.json` in a folder and everything it names.
 * @throws SetupError when a file is missing or says something impossible
 */
export function readImageDefinition(folder: string, target: ImageTarget): ImageDefinition {
  const path = join(folder, 'image.json');
  const parsed = schema.safeParse(parseJson(path));
  if (!parsed.success) throw new SetupError(`${path} is not an image definition:\n${z.prettifyError(parsed.error)}`);
  const text = (name: string) => read(join(folder, name));
  const content = {
    ...parsed.data,
    packages: parsed.data.packages.flatMap((name) => parsePackageList(text(name))),
    hooks: { essential: text(parsed.data.hooks.essential), customize: text(parsed.data.hooks.customize) },
    smoke: parsed.data.smoke.map((program) => ({ ...program, text: text(join('smoke', program.file)) })),
    target,
  };
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 12);
  return { ...content, hash };
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
