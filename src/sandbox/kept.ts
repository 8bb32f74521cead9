import { existsSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

const dayMs = 24 * 60 * 60_000;
const keptMs = 7 * dayMs;

/**
 * What a service uses of a folder that it shares with others of other versions: templates, packed images. It notes each at once and, between
 * `start` and `close`, every day; every service removes at its start what none has noted for a week.
 */
export class NotedUse {
  readonly #paths = new Set<string>();
  #daily: NodeJS.Timeout | undefined;

  start(): void {
    this.#daily = setInterval(() => this.#paths.forEach(note), dayMs).unref();
  }

  /** Notes that a file or folder is in use from now on. */
  add(path: string): void {
    this.#paths.add(path);
    note(path);
  }

  close(): void {
    clearInterval(this.#daily);
  }
}

function note(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // It is somebody else's, who notes it.
  }
}

/** Removes what no service has used for a week, of the entries of a folder that have such names. */
export function sweepUnused(directory: string, names: RegExp, now: number): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory).filter((each) => names.test(each))) {
    const path = join(directory, name);
    // Another process may have removed it meanwhile.
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (mtimeMs !== undefined && now - mtimeMs > keptMs) rmSync(path, { recursive: true, force: true });
  }
}
