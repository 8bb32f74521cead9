import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import mime from 'mime';
import { makeSharedAnswer, type SharedAnswer } from '../shared-answer.ts';

/** Scripts that frames load, by what they are. */
interface FrameScripts {
  readonly frame: string;
  readonly plotly: string;
}

/** What was built of the face. */
export interface Assets {
  /** The application's page; `__NONCE__` stands where its nonce belongs. */
  readonly shell: string;
  readonly frameScripts: FrameScripts;
  /** A file of `assets/` by its name; undefined: none. It is read and compressed at its first use. */
  get(name: string): Promise<SharedAnswer> | undefined;
}

/** Reads what was built into `directory`; undefined when nothing was. Names of requests are compared, never opened. */
export async function readAssets(directory: string): Promise<Assets | undefined> {
  let shell: string;
  let frameScripts: FrameScripts;
  let names: ReadonlySet<string>;
  try {
    shell = await readFile(join(directory, 'index.html'), 'utf8');
    frameScripts = JSON.parse(await readFile(join(directory, 'frame.json'), 'utf8'));
    names = new Set(await readdir(join(directory, 'assets')));
  } catch {
    return undefined;
  }
  const made = new Map<string, Promise<SharedAnswer>>();
  return {
    shell,
    frameScripts,
    get(name) {
      if (!names.has(name)) return undefined;
      const known = made.get(name);
      if (known) return known;
      const making = readFile(join(directory, 'assets', name)).then((bytes) => makeSharedAnswer(typeOf(name), bytes));
      making.catch(() => made.delete(name));
      made.set(name, making);
      return making;
    },
  };
}

function typeOf(name: string): string {
  const type = mime.getType(name) ?? 'application/octet-stream';
  return /^text\/|javascript|json|svg/.test(type) ? `${type}; charset=utf-8` : type;
}
