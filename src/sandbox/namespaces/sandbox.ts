import { DragomanError, type UsageNow } from '../../core/index.ts';
import type { Cgroup } from '../linux/cgroup/index.ts';
import type { Spawned } from '../linux/fork-server.ts';
import { DescriptorBulkPipes } from '../linux/pipes/bulk-pipes.ts';
import { PipeLink } from '../linux/pipes/link.ts';
import { ProcessorShare, type RunningSandboxes } from '../linux/processor-share.ts';
import { type DescriptorWorkspace, openWorkspace } from '../linux/tree/workspace.ts';
import type { ExitStatus, Sandbox, SandboxLimits, SandboxUsage } from '../port.ts';

/** What a namespaces sandbox is made of. */
export interface SandboxParts {
  readonly id: string;
  readonly template: string;
  readonly spawned: Spawned;
  readonly cgroup: Cgroup;
  readonly running: RunningSandboxes;
  /** What the control group was made with. */
  readonly limits: SandboxLimits;
  /** The end of the first process, from the zygote that waited for it. */
  readonly exited: Promise<ExitStatus>;
  readonly kill: () => void;
  readonly onDestroyed: () => void;
}

export class NamespacesSandbox implements Sandbox {
  readonly pace = 1;
  readonly id: string;
  readonly template: string;
  readonly link: PipeLink;
  readonly exited: Promise<ExitStatus>;

  readonly #parts: SandboxParts;
  readonly #processor: ProcessorShare;
  #workspace: DescriptorWorkspace | undefined;
  #ended = false;
  #destroyed: Promise<void> | undefined;

  constructor(parts: SandboxParts) {
    this.#parts = parts;
    this.#processor = new ProcessorShare(parts.cgroup, parts.running);
    this.id = parts.id;
    this.template = parts.template;
    const { hostPid } = parts.spawned;
    // The supervisor makes these pipes before anything of a user runs.
    const openBulk = ([saved, given]: readonly [number, number]) =>
      DescriptorBulkPipes.open(`/proc/${hostPid}/fd/${saved}`, `/proc/${hostPid}/fd/${given}`);
    this.link = new PipeLink(parts.spawned, openBulk, parts.kill);
    void parts.exited.then(() => {
      this.#ended = true;
    });
    this.exited = Promise.all([parts.exited, this.link.ended]).then(([status]) => status);
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

  /** To be called once the guest has claimed `ready`: before that its file systems are not mounted. */
  openWorkspace(): void {
    this.#workspace = openWorkspace(`/proc/${this.#parts.spawned.hostPid}/root/mnt/data`);
  }

  async adopt({ limits: wanted, owner }: { readonly limits: SandboxLimits; readonly owner?: string | undefined }) {
    const { limits, cgroup } = this.#parts;
    for (const name of ['workspaceBytes', 'workspaceFiles', 'openFiles'] as const)
      if (wanted[name] !== limits[name])
        throw new DragomanError('sandbox_unavailable', { cause: new Error(`${name} is fixed when a sandbox is made`) });
    this.#processor.adopt(owner);
    const { memoryBytes, processes, cpus } = wanted;
    // Most requests have the limits that every sandbox is made with: nothing to write on their way.
    if (memoryBytes === limits.memoryBytes && processes === limits.processes && cpus === limits.cpus) return;
    try {
      cgroup.limit({ memoryBytes, processes, cpus });
    } catch (cause) {
      throw new DragomanError('sandbox_unavailable', { cause });
    }
  }

  async freeze(): Promise<void> {
    // Nothing would thaw it, and what is frozen cannot die.
    if (this.#destroyed) return;
    // With its first process the whole pid namespace is gone, and an empty group may never report that it is frozen.
    if (!this.#ended) await this.#parts.cgroup.freeze();
    this.#processor.pause();
    await this.link.flush();
  }

  async thaw(): Promise<void> {
    // What it is woken for is there when it wakes up.
    this.link.push();
    this.#parts.cgroup.thaw();
    this.#processor.resume();
  }

  background(on: boolean): void {
    this.#processor.background(on);
  }

  async usage(): Promise<SandboxUsage> {
    return this.#parts.cgroup.usage();
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
    const { kill, cgroup, exited, onDestroyed } = this.#parts;
    kill();
    this.#processor.end();
    this.link.close();
    // In v1 a frozen process does not see the signal.
    cgroup.thaw();
    await exited;
    this.#workspace?.close();
    await cgroup.release();
    onDestroyed();
  }
}
