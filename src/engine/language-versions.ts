import type { Limits } from '../core/index.ts';
import type { Backend, Sandbox } from '../sandbox/index.ts';
import { KeptVersions, type Versions } from './kept-versions.ts';
import { askVersions } from './languages.ts';
import type { RuntimeCatalogue, SandboxKind } from './runtimes.ts';

export type { Versions };

export interface LanguageVersionsOptions {
  readonly backend: Pick<Backend, 'pace'>;
  readonly catalogue: RuntimeCatalogue;
  readonly imageId: string;
  readonly versionsFile?: string | undefined;
  readonly lease: (kind: SandboxKind, limits: Limits) => Promise<Sandbox>;
  readonly release: (sandbox: Sandbox) => void;
}

/** Versions that the image's languages report: asked once, and where programs are slow once for each image. */
export class LanguageVersions {
  readonly #options: LanguageVersionsOptions;
  #told: Promise<Versions> | undefined;

  constructor(options: LanguageVersionsOptions) {
    this.#options = options;
  }

  /** @throws DragomanError sandbox_unavailable */
  ask(limits: Limits): Promise<Versions> {
    this.#told ??= this.#ask(limits).catch((error) => {
      this.#told = undefined;
      throw error;
    });
    return this.#told;
  }

  async #ask(limits: Limits): Promise<Versions> {
    const { backend, catalogue, imageId, versionsFile, lease, release } = this.#options;
    const { runtimes } = catalogue;
    const isSlow = (backend.pace ?? 1) > 1;
    const kept = isSlow && versionsFile !== undefined ? new KeptVersions(versionsFile, imageId, runtimes) : undefined;
    const known = kept?.read();
    if (known) return known;
    const plain = runtimes.find(({ run }) => run.kind === 'program') ?? runtimes[0]!;
    const sandbox = await lease(plain.kindFor('', []), limits);
    try {
      const told = await askVersions(runtimes, sandbox, limits);
      kept?.write(told);
      return told;
    } finally {
      release(sandbox);
    }
  }
}
