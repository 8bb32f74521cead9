import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { newId } from '../core/index.ts';
import type { Runtime } from './runtimes.ts';

/** By the runtime's name, then by the name of what has the version. */
export type Versions = ReadonlyMap<string, Readonly<Record<string, string>>>;

const schema = z.strictObject({
  of: z.string(),
  versions: z.record(z.string(), z.record(z.string(), z.string().max(100))),
});

/** What the languages of an image have said of their versions, in a file: where programs are slow, asking takes minutes. */
export class KeptVersions {
  readonly #path: string;
  readonly #runtimes: readonly Runtime[];
  /** Changes with the image and with what is asked. */
  readonly #of: string;

  constructor(path: string, imageId: string, runtimes: readonly Runtime[]) {
    this.#path = path;
    this.#runtimes = runtimes;
    const asked = runtimes.map(({ name, versions }) => [name, versions]);
    this.#of = hash('sha256', JSON.stringify([imageId, asked]));
  }

  /** Undefined: nothing is known of this image. */
  read(): Versions | undefined {
    try {
      const { of, versions } = schema.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
      return of === this.#of ? new Map(Object.entries(versions)) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Keeps what was told, unless a language has said nothing: next time it may. */
  write(told: Versions): void {
    const isWhole = this.#runtimes.every(({ name, versions }) =>
      Object.keys(versions).every((what) => told.get(name)?.[what] !== undefined),
    );
    if (!isWhole) return;
    const making = `${this.#path}.${newId()}`;
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o755 });
      writeFileSync(making, JSON.stringify({ of: this.#of, versions: Object.fromEntries(told) }));
      renameSync(making, this.#path);
    } catch {
      // They are asked again then.
    }
  }
}
