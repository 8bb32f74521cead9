import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '../core/index.ts';
import { isProcess, processName } from './making.ts';
import type { CheckpointFolder } from './port.ts';

/** Folders for the files of checkpoints that are being written and restored: each is gone when that is over. */
export class SavedFolders {
  readonly #all: string;
  /** This process' own, with the others in it. */
  readonly path: string;

  constructor(path: string) {
    this.#all = path;
    this.path = join(path, processName(process.pid)!);
  }

  /** Removes what servers that were killed have left. */
  start(): void {
    // Users of sandboxes pass through both, and list nothing.
    for (const path of [this.#all, this.path]) mkdirSync(path, { recursive: true, mode: 0o711 });
    for (const name of readdirSync(this.#all).filter((name) => !isProcess(name)))
      rmSync(join(this.#all, name), { recursive: true, force: true });
  }

  async make(): Promise<CheckpointFolder> {
    const path = join(this.path, newId());
    await mkdir(path, { mode: 0o700 });
    return { path, remove: () => rm(path, { recursive: true, force: true }) };
  }
}
