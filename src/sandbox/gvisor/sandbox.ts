import { chownSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { DragomanError, type UsageNow } from '../../core/index.ts';
import { orders } from '../../guest-protocol/index.ts';
import type { Cgroup } from '../linux/cgroup/index.ts';
import type { Spawned } from '../linux/fork-server.ts';
import { PipeLink } from '../linux/pipes/link.ts';
import { ProcessorShare, type RunningSandboxes } from '../linux/processor-share.ts';
import { type DescriptorWorkspace, openWorkspace } from '../linux/tree/workspace.ts';
import type { ExitStatus, Sandbox, SandboxLimits, SandboxUsage } from '../port.ts';
import { askGvisor } from './control.ts';
import { groupLimits } from './group-limits.ts';
import type { OwnFiles } from './own-files.ts';
import { Pause } from './pause.ts';
import { RelayedBulkPipes } from './relayed-bulk.ts';
import { type Runsc, writeCheckpoint } from './runsc.ts';
import { archiveWorkspace } from './workspace-archive.ts';

/** What a gVisor sandbox is made of. */
export interface SandboxParts {
  readonly id: string;
  readonly template: string;
  readonly spawned: Spawned;
  readonly own: OwnFiles;
  readonly runsc: Runsc;
  /** The host user that it runs as. */
  readonly user: number;
  /** Where the launcher has mounted its own files. */
  readonly ownFolder: string;
  readonly cgroup: Cgroup;
  readonly running: RunningSandboxes;
  readonly limits: SandboxLimits;
  /** The end of gVisor's first process, from the launcher that waited for it. */
  readonly exited: Promise<ExitStatus>;
  readonly kill: () => void;
  readonly onDestroyed: () => void;
}

/** Limits that cannot change once a sandbox is made. */
const fixed = ['workspaceBytes', 'workspaceFiles', 'openFiles', 'processes'] as const;
/** With these codes the guest says itself why there is no sandbox. */
const guestCodes: readonly (number | null)[] = [96, 97];
/** In the folder of a checkpoint, beside gVisor's own files. */
export const workspaceArchive = 'workspace.tar';

export class GvisorSandbox implements Sandbox {
  readonly pace = 1;
  readonly id: string;
  readonly template: string;
  readonly link: PipeLink;
  readonly exited: Promise<ExitStatus>;

  readonly #parts: SandboxParts;
  readonly #bulk: RelayedBulkPipes;
  readonly #processor: ProcessorShare;
  readonly #pause: Pause;
  #workspace: DescriptorWorkspace | undefined;
  #memoryBytes: number;
  #ended = false;
  /** A checkpoint is being written. Never rejects. */
  #checkpointing: Promise<void> | undefined;
  #destroyed: Promise<void> | undefined;

  constructor(parts: SandboxParts) {
    this.#parts = parts;
    this.#memoryBytes = parts.limits.memoryBytes;
    const { own, spawned, kill, exited } = parts;
    this.#processor = new ProcessorShare(parts.cgroup, parts.running);
    this.#pause = new Pause(
      (method) => askGvisor(own.control, method),
      () => this.#ended,
    );
    this.id = parts.id;
    this.template = parts.template;
    const bulk = new RelayedBulkPipes(own.saved, own.given, (mark) => void this.link.send(orders.discard(mark)));
    this.#bulk = bulk;
    // The launcher has said on it that its files are there; the guest's own is a named pipe.
    closeSync(spawned.claims);
    this.link = new PipeLink({ ...spawned, claims: own.claims }, () => bulk, kill);
    const status = exited.then(({ code, signal }): ExitStatus => {
      this.#ended = true;
      // The guest's first process does not end while its sandbox is in order: gVisor was killed, whatever it says itself.
      return guestCodes.includes(code) ? { code, signal } : { code: null, signal: 'SIGKILL' };
    });
    this.exited = Promise.all([status, this.link.ended]).then(([how]) => {
      bulk.close();
      return how;
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  get violation(): string | undefined {
    return this.link.violation;
  }

  get workspace(): DescriptorWorkspace {
    if (!this.#workspace) throw new Error('the sandbox is not ready');
    return this.#workspace;
  }

  /** To be called once the guest has claimed `ready`, or goes on from a checkpoint. */
  enter(): void {
    const { own, cgroup, limits } = this.#parts;
    cgroup.limit(groupLimits(limits));
    own.hidePipes();
    this.#workspace = openWorkspace(own.workspace);
  }

  async adopt({ limits: wanted, owner }: { readonly limits: SandboxLimits; readonly owner?: string | undefined }) {
    const { limits, cgroup } = this.#parts;
    for (const name of fixed)
      if (wanted[name] !== limits[name])
        throw new DragomanError('sandbox_unavailable', { cause: new Error(`${name} is fixed when a sandbox is made`) });
    this.#processor.adopt(owner);
    this.#memoryBytes = wanted.memoryBytes;
    if (wanted.memoryBytes === limits.memoryBytes && wanted.cpus === limits.cpus) return;
    try {
      cgroup.limit(groupLimits(wanted));
    } catch (cause) {
      throw new DragomanError('sandbox_unavailable', { cause });
    }
  }

  /** By gVisor's own pause: restored programs of its newer versions do not survive a control group's freezer. */
  async freeze(): Promise<void> {
    try {
      await this.#pause.set(true);
    } catch {
      // What cannot be paused cannot be left running.
      this.#parts.kill();
      await this.exited;
      return;
    }
    this.#processor.pause();
    await this.link.flush();
  }

  async thaw(): Promise<void> {
    await this.#checkpointing;
    this.#processor.resume();
    try {
      await this.#pause.set(false);
    } catch {
      // Its owner hears that it has ended.
      this.#parts.kill();
    }
  }

  async checkpoint(folder: string, signal: AbortSignal): Promise<void> {
    if (this.#checkpointing || !this.#pause.isPaused || this.#ended)
      throw new Error('the sandbox does not stand still');
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#checkpointing = promise;
    const { own, runsc, user, ownFolder, spawned, kill } = this.#parts;
    const { hostPid } = spawned;
    // What is on its way to the guest would be in the checkpoint, and be done again by every copy.
    this.link.hold();
    try {
      // gVisor writes as the user of its sandbox.
      if (process.getuid!() === 0) chownSync(folder, user, user);
      await own.showPipes(signal);
      // gVisor reads named pipes empty, and waits for their end.
      const write = () => writeCheckpoint(runsc, ownFolder, hostPid, folder, signal);
      await this.#bulk.withoutWriter(write, () => own.openGiven());
      await archiveWorkspace(hostPid, own.workspaceInside, join(folder, workspaceArchive), signal);
    } catch (error) {
      // How far gVisor has come is not known: neither what runs nor what it runs with.
      kill();
      throw error;
    } finally {
      if (!this.#ended) own.hidePipes();
      this.link.release();
      this.#checkpointing = undefined;
      resolve();
    }
  }

  background(on: boolean): void {
    this.#processor.background(on);
  }

  /** The group holds gVisor as well, whose memory is no program's. */
  async usage(): Promise<SandboxUsage> {
    const { peakMemoryBytes, ...usage } = this.#parts.cgroup.usage();
    return { ...usage, peakMemoryBytes: Math.min(peakMemoryBytes, this.#memoryBytes) };
  }

  cpuMs(): number {
    return this.#parts.cgroup.cpuMs();
  }

  usageNow(): UsageNow | undefined {
    if (this.#destroyed) return undefined;
    const { cgroup } = this.#parts;
    return { cpuMs: cgroup.cpuMs(), memoryBytes: cgroup.memory(), workspaceBytes: this.workspace.usedBytes() };
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#destroy();
    return this.#destroyed;
  }

  async #destroy(): Promise<void> {
    const { kill, cgroup, exited, own, onDestroyed } = this.#parts;
    kill();
    this.#processor.end();
    this.link.close();
    await exited;
    this.#workspace?.close();
    own.close();
    await cgroup.release();
    onDestroyed();
  }
}
