import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { newId } from '../../core/index.ts';
import { NotedUse, sweepUnused } from '../kept.ts';
import type { CgroupTree } from '../linux/cgroup/index.ts';
import { makingIn, sweepMaking } from '../making.ts';
import type { ExitStatus, Template } from '../port.ts';
import { type BundleParts, digestOf, specOf, writeBundle, writeGuest } from './bundle.ts';
import type { Launcher } from './launcher.ts';
import { OwnFiles } from './own-files.ts';
import { type Runsc, runCommand, writeCheckpoint } from './runsc.ts';
import { readTemplate } from './template-output.ts';

const MiB = 1024 * 1024;
/** A template may take what it needs once; it is our own code. */
const templateLimits = { memoryBytes: 1536 * MiB, processes: 2000, cpus: 4 } as const;
const templateSizes = { workspaceBytes: MiB, workspaceFiles: 16 } as const;
const prefix = 'templates-';
const names = new RegExp(`^${prefix}`);

export interface CheckpointMaker {
  readonly runsc: Runsc;
  readonly launcher: Launcher;
  readonly cgroups: CgroupTree;
  /** Takes a host user for a sandbox; returns it with what gives it back. */
  readonly takeUser: () => { readonly user: number; readonly release: () => void };
}

/** What a sandbox is restored from. */
export interface Restorable {
  readonly bundle: string;
  readonly checkpoint: string;
}

/**
 * Checkpoints of templates: of a guest that has loaded its libraries and waits for its first order. They are made once for each image,
 * guest and version of gVisor, and kept in the tier's folder.
 */
export class Checkpoints {
  readonly #folder: string;
  readonly #parts: BundleParts;
  readonly #tierDir: string;
  /** Services of several versions may use one folder, as those of tests do. */
  readonly #used = new NotedUse();

  /** Writes what the sandboxes see of ours, where it is not there yet. */
  constructor(tierDir: string, parts: BundleParts, runsc: Runsc, templates: readonly Template[]) {
    this.#parts = parts;
    this.#tierDir = tierDir;
    const name =
      prefix + digestOf(parts, runsc.version, JSON.stringify(templates.map((template) => specOf('', template, parts))));
    this.#folder = join(tierDir, name);
    if (existsSync(this.#folder)) return;
    const making = makingIn(tierDir);
    mkdirSync(making, { mode: 0o755 });
    writeGuest(making, parts);
    // Another process may have been faster.
    if (existsSync(this.#folder)) rmSync(making, { recursive: true });
    else renameSync(making, this.#folder);
  }

  /** A name that changes with everything that goes into the sandboxes of a template, gVisor's own version included. */
  versionOf(template: string): string {
    return `${basename(this.#folder)}/${template}`;
  }

  /** Notes from now on that these checkpoints are in use. Removes what is half made, and those of images and versions that nobody uses. */
  start(): void {
    this.#used.start();
    this.#used.add(this.#folder);
    for (const folder of [this.#tierDir, this.#folder]) sweepMaking(folder);
    sweepUnused(this.#tierDir, names, Date.now());
  }

  close(): void {
    this.#used.close();
  }

  /** The checkpoint of a template, made now where it is not there. @throws Error with what gVisor or the guest said */
  async ensure(template: Template, maker: CheckpointMaker): Promise<Restorable> {
    const made = join(this.#folder, template.name);
    const found = { bundle: made, checkpoint: join(made, 'checkpoint') };
    if (existsSync(made)) return found;
    const making = makingIn(this.#folder);
    writeBundle(making, this.#folder, template, this.#parts);
    try {
      await this.#make(making, maker);
      // Another process may have been faster.
      if (!existsSync(made)) renameSync(making, made);
      return found;
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  }

  async #make(bundle: string, { runsc, launcher, cgroups, takeUser }: CheckpointMaker): Promise<void> {
    const { ownFolder } = this.#parts;
    const id = newId();
    const target = join(bundle, 'checkpoint');
    const { user, release } = takeUser();
    mkdirSync(target, { mode: 0o700 });
    // gVisor writes it as the user of that sandbox.
    if (process.getuid!() === 0) chownSync(target, user, user);
    const cgroup = cgroups.take(templateLimits);
    const { promise: exited, resolve: onExit } = Promise.withResolvers<ExitStatus>();
    try {
      const argv = runCommand(runsc, ownFolder, bundle);
      const fork = { user, group: cgroup.name, sizes: templateSizes, folder: ownFolder, argv };
      const spawned = await launcher.spawn(id, fork, onExit);
      const own = new OwnFiles(spawned.hostPid, ownFolder);
      const output = readTemplate(spawned, own);
      try {
        await cgroup.place({ pid: spawned.hostPid, confined: Promise.resolve() });
        launcher.opened(id);
        await output.loaded;
        await writeCheckpoint(runsc, ownFolder, spawned.hostPid, target);
      } finally {
        launcher.kill(id);
        await exited;
        output.close();
        own.close();
      }
    } finally {
      await cgroup.release();
      release();
    }
    for (const path of [target, ...readdirSync(target).map((name) => join(target, name))]) {
      chownSync(path, process.getuid!(), process.getgid!());
      chmodSync(path, path === target ? 0o755 : 0o444);
    }
  }
}
