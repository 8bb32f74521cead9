import { chmodSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { CommandError } from './command-error.ts';
import { makeFolders } from './folders.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Profile {
  readonly name: string;
  readonly url: string;
  readonly apiKey: string | undefined;
}

/** The profiles of one user. */
export interface Profiles {
  /** Name of the one that is used when none is named. */
  readonly usual: string | undefined;
  readonly all: readonly Profile[];
}

export const profilesPath = (env: Environment): string =>
  join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'dragoman', 'profiles.toml');

const none: Profiles = { usual: undefined, all: [] };

/** Undefined when no name is given and there is no default profile. @throws CommandError */
export async function openProfile(path: string, name: string | undefined): Promise<Profile | undefined> {
  const { usual, all } = await readProfiles(path);
  const wanted = name ?? usual;
  if (wanted === undefined) return undefined;
  const found = all.find((profile) => profile.name === wanted);
  if (found) return found;
  const known = all.length === 0 ? 'There are none' : `There are ${all.map((profile) => profile.name).join(', ')}`;
  throw new CommandError(`There is no profile ${wanted}. ${known}; "dragoman profile add" makes one.`);
}

/** @throws CommandError when other users may read the file, or it is none of ours */
export async function readProfiles(path: string): Promise<Profiles> {
  let text: string;
  try {
    // Keys are in it, as in a private key of ssh.
    if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0)
      throw new CommandError(`${path} holds keys and other users may open it. Run: chmod 600 ${path}`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return none;
    throw error instanceof CommandError ? error : new CommandError((error as Error).message);
  }
  const { parse } = await import('smol-toml');
  let content: Record<string, unknown>;
  try {
    content = parse(text);
  } catch (error) {
    // The message of the parser quotes lines, which may hold keys.
    const { line } = error as { line?: number };
    throw new CommandError(`${path} is not valid TOML${line === undefined ? '' : ` (line ${line})`}.`);
  }
  const entries = Object.entries((content.profiles ?? {}) as Record<string, Record<string, unknown>>);
  const all = entries.map(([name, { url, api_key: apiKey }]) => {
    if (typeof url !== 'string') throw new CommandError(`The profile ${name} in ${path} has no url.`);
    return { name, url, apiKey: typeof apiKey === 'string' ? apiKey : undefined };
  });
  return { usual: typeof content.default === 'string' ? content.default : undefined, all };
}

/** Replaces the file as a whole; only its owner may open it. */
export async function writeProfiles(path: string, { usual, all }: Profiles): Promise<void> {
  const { stringify } = await import('smol-toml');
  const profiles = Object.fromEntries(
    all.map(({ name, url, apiKey }) => [name, { url, ...(apiKey === undefined ? {} : { api_key: apiKey }) }]),
  );
  makeFolders(dirname(path), 0o700);
  const part = `${path}.${process.pid}.part`;
  writeFileSync(part, `${stringify({ ...(usual === undefined ? {} : { default: usual }), profiles })}\n`, {
    mode: 0o600,
  });
  chmodSync(part, 0o600);
  renameSync(part, path);
}
