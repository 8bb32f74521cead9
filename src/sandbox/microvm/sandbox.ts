import { randomBytes } from 'node:crypto';
import { chownSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { DragomanError, type UsageNow, within } from '../../core/index.ts';
import { orders } from '../../guest-protocol/index.ts';
import { awaitClaim } from '../await-claim.ts';
import { TreeWorkspace } from '../file-tree.ts';
import type { Cgroup } from '../linux/cgroup/index.ts';
import type { ExitStatus, Sandbox, SandboxLimits, SandboxUsage } from '../port.ts';
import { MachineLink } from './link.ts';
import type { Machine } from './machine.ts';
import { saveOwnPages } from './own-pages.ts';
import { MachineTree } from './tree.ts';

/** What a machine needs beside the memory of its sandbox: its kernel, the zygote, QEMU and what it has translated. */
const overheadBytes = 512 * 1024 * 1024;
/** Files of a checkpoint: the state of devices, and the pages that are not the template's. */
export const stateFile = 'state';
export const pagesFile = 'pages';

export interface MachineSandboxParts {
  readonly id: string;
  readonly template: string;
  readonly machine: Machine;
  readonly cgroup: Cgroup;
  readonly limits: SandboxLimits;
  readonly pace: number;
  readonly scratch: { readonly tmpBytes: number; readonly shmBytes: number };
  /** The host user that it runs as; absent: our own. */
  readonly user: number | undefined;
  /** Of the machine. */
  readonly memoryBytes: number;
  readonly onDestroyed: () => void;
}

const usage = z.object({ kills: z.int().nonnegative(), peak: z.number().nonnegative() });
/** An honest machine answers in milliseconds, and a busy host's in some hundred. */
const freezeDeadlineMs = 10_000;
const backgroundWeight = 10;
const usualWeight = 100;

/** A sandbox in a machine of its own. */
export class MachineSandbox implements Sandbox {
  readonly id: string;
  readonly template: string;
  readonly pace: number;
  readonly link: MachineLink;
  readonly workspace: TreeWorkspace;
  readonly exited: Promise<ExitStatus>;
  readonly #parts: MachineSandboxParts;
  #limits: SandboxLimits;
  #ended = false;
  #isFrozen = false;
  /** A checkpoint is being written. Never rejects. */
  #checkpointing: Promise<void> | undefined;
  #destroyed: Promise<void> | undefined;

  constructor(parts: MachineSandboxParts) {
    this.#parts = parts;
    this.#limits = parts.limits;
    this.id = parts.id;
    this.template = parts.template;
    this.pace = parts.pace;
    this.link = new MachineLink(parts.machine.port, () => parts.machine.kill());
    this.workspace = new TreeWorkspace(new MachineTree(parts.machine.port));
    this.exited = this.link.exited.finally(() => {
      this.#ended = true;
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  get violation(): string | undefined {
    return this.link.violation;
  }

  /** Wakes the copy up as a machine of its own and forks its sandbox. */
  async begin(): Promise<void> {
    const { machine, limits, scratch } = this.#parts;
    // A copy begins with the random numbers and the clock of its template.
    await machine.port.ask('renew', { entropy: randomBytes(64).toString('base64'), seconds: Date.now() / 1000 });
    const { workspaceBytes, workspaceFiles, openFiles } = limits;
    const fault = await machine.port.ask('spawn', {
      sizes: { workspaceBytes, workspaceFiles, openFiles, ...scratch },
      limits: groupLimits(limits),
    });
    if (fault !== null) throw new Error(`no sandbox in the machine: ${String(fault)}`);
  }

  /** Wakes a machine up that goes on from its checkpoint: time has passed, and another one may go on from the same. */
  async goOn(isCopy: boolean): Promise<void> {
    const { machine } = this.#parts;
    this.link.goOn();
    await machine.port.ask('renew', { entropy: randomBytes(64).toString('base64'), seconds: Date.now() / 1000 });
    const ready = awaitClaim(this, 'ready');
    machine.port.say('thaw');
    await Promise.all([this.link.send(orders.renew(isCopy)), ready]);
  }

  /** To be called once the guest has claimed `ready`. */
  async openWorkspace(): Promise<void> {
    await this.#parts.machine.port.ask('workspace');
  }

  async adopt({
    limits: wanted,
  }: {
    readonly limits: SandboxLimits;
    readonly owner?: string | undefined;
  }): Promise<void> {
    const { machine, cgroup } = this.#parts;
    for (const name of ['workspaceBytes', 'workspaceFiles', 'openFiles'] as const)
      if (wanted[name] !== this.#limits[name])
        throw new DragomanError('sandbox_unavailable', { cause: new Error(`${name} is fixed when a sandbox is made`) });
    const { memoryBytes, processes, cpus } = wanted;
    const { memoryBytes: memory, processes: most, cpus: share } = this.#limits;
    if (memoryBytes === memory && processes === most && cpus === share) return;
    try {
      cgroup.limit(hostLimits(wanted));
      await machine.port.ask('limit', { limits: groupLimits(wanted) });
      this.#limits = wanted;
    } catch (cause) {
      throw new DragomanError('sandbox_unavailable', { cause });
    }
  }

  async checkpoint(folder: string, signal: AbortSignal): Promise<void> {
    if (this.#checkpointing || !this.#isFrozen || this.#ended) throw new Error('the sandbox does not stand still');
    const { machine, user, memoryBytes } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#checkpointing = promise;
    this.link.hold();
    try {
      if (user !== undefined) chownSync(folder, user, user);
      await machine.write(`${basename(folder)}/${stateFile}`, () =>
        saveOwnPages(machine.pid, memoryBytes, join(folder, pagesFile), signal),
      );
    } finally {
      this.link.release();
      this.#checkpointing = undefined;
      resolve();
    }
  }

  async freeze(): Promise<void> {
    if (this.#ended) return;
    const { machine } = this.#parts;
    const stopped = machine.port.ask('freeze').then(
      () => true,
      () => false,
    );
    this.#isFrozen = true;
    if (await within(stopped, freezeDeadlineMs)) return;
    // What cannot be stopped cannot be left running.
    machine.kill();
    await this.exited;
  }

  async thaw(): Promise<void> {
    await this.#checkpointing;
    this.#isFrozen = false;
    if (!this.#ended) this.#parts.machine.port.say('thaw');
  }

  background(on: boolean): void {
    this.#parts.cgroup.weigh(on ? backgroundWeight : usualWeight);
  }

  /** Processor time is the machine's, as the host counts it. The rest is the word of the machine, which outlives its sandbox, and bounded. */
  async usage(): Promise<SandboxUsage> {
    const { cgroup, machine } = this.#parts;
    const { cpuMs, peakMemoryBytes } = cgroup.usage();
    const said = usage.safeParse(await machine.port.ask('usage').catch(() => undefined));
    if (!said.success)
      return { cpuMs, peakMemoryBytes: Math.min(peakMemoryBytes, this.#limits.memoryBytes), oomKills: 0 };
    return {
      cpuMs,
      peakMemoryBytes: Math.min(said.data.peak, this.#limits.memoryBytes),
      oomKills: said.data.kills,
    };
  }

  cpuMs(): number {
    return this.#parts.cgroup.cpuMs();
  }

  /** As the host counts it; what is in the machine's own file systems it does not know. */
  usageNow(): UsageNow | undefined {
    if (this.#destroyed) return undefined;
    const { cgroup } = this.#parts;
    return { cpuMs: cgroup.cpuMs(), memoryBytes: cgroup.memory(), workspaceBytes: null };
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#destroy();
    return this.#destroyed;
  }

  async #destroy(): Promise<void> {
    const { machine, cgroup, onDestroyed } = this.#parts;
    this.link.stopSending();
    machine.kill();
    await machine.exited;
    machine.port.close();
    await this.exited;
    await cgroup.release();
    onDestroyed();
  }
}

function groupLimits({ memoryBytes, processes }: SandboxLimits) {
  return { memory: memoryBytes, processes };
}

/** What the control group around QEMU allows. */
export function hostLimits({ memoryBytes, cpus }: SandboxLimits) {
  return { memoryBytes: memoryBytes + overheadBytes, processes: 64, cpus };
}
