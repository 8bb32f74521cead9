import { Socket } from 'node:net';
import { DragomanError } from '../../core/index.ts';
import { type Claim, type ClaimAllowance, ClaimDecoder, encodeFrame, type Order } from '../../guest-protocol/index.ts';
import type { Cgroup, CgroupLimits } from '../linux/cgroup/index.ts';
import type { ExitStatus, Sandbox, SandboxListener, SandboxUsage } from '../port.ts';
import { OutputPipe } from './output-pipe.ts';
import { type DescriptorWorkspace, openWorkspace } from './workspace.ts';
import type { Spawned } from './zygote.ts';

/** What a namespaces sandbox needs of whoever made it. */
export interface SandboxParts {
  readonly id: string;
  readonly template: string;
  readonly spawned: Spawned;
  readonly cgroup: Cgroup;
  /** What the control group was made with. */
  readonly limits: CgroupLimits;
  /** The first process' end, from the zygote that waited for it. */
  readonly exited: Promise<ExitStatus>;
  readonly kill: () => void;
  readonly onDestroyed: () => void;
}

const silent: SandboxListener = { stdout() {}, stderr() {}, claim() {} };

export class NamespacesSandbox implements Sandbox {
  readonly id: string;
  readonly template: string;
  readonly exited: Promise<ExitStatus>;
  violation: string | undefined;

  readonly #parts: SandboxParts;
  readonly #command: Socket;
  readonly #pipes: readonly OutputPipe[];
  readonly #decoder = new ClaimDecoder();
  /** Claims that have arrived and not been delivered. */
  readonly #heard: Claim[] = [];
  #delivering = false;
  #listener: SandboxListener = silent;
  #workspace: DescriptorWorkspace | undefined;
  #ended = false;
  #destroyed: Promise<void> | undefined;

  constructor(parts: SandboxParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.template = parts.template;
    const { command, claims, stdout, stderr } = parts.spawned;
    this.#command = new Socket({ fd: command, readable: false, writable: true });
    // The program may be gone before it has read everything.
    this.#command.on('error', () => {});
    this.#pipes = [
      new OutputPipe(claims, (chunk) => this.#claims(chunk)),
      new OutputPipe(stdout, (chunk) => this.#listener.stdout(chunk)),
      new OutputPipe(stderr, (chunk) => this.#listener.stderr(chunk)),
    ];
    void parts.exited.then(() => {
      this.#ended = true;
    });
    this.exited = Promise.all([parts.exited, ...this.#pipes.map((pipe) => pipe.ended)]).then(([status]) => status);
  }

  get ended(): boolean {
    return this.#ended;
  }

  get workspace(): DescriptorWorkspace {
    if (!this.#workspace) throw new Error('the sandbox is not ready');
    return this.#workspace;
  }

  /** To be called once, when the guest has said that it is ready: only then its file systems are mounted. */
  ready(): void {
    this.#workspace = openWorkspace(this.#parts.spawned.hostPid);
  }

  listen(listener: SandboxListener, allowance?: ClaimAllowance): void {
    this.#listener = listener;
    this.#decoder.allow(allowance);
  }

  limit({ memoryBytes, processes, cpus }: CgroupLimits): void {
    const { limits, cgroup } = this.#parts;
    // Most run under what every sandbox is made with: nothing to write on their way.
    if (memoryBytes === limits.memoryBytes && processes === limits.processes && cpus === limits.cpus) return;
    try {
      cgroup.limit({ memoryBytes, processes, cpus });
    } catch (cause) {
      throw new DragomanError('sandbox_unavailable', { cause });
    }
  }

  async send({ frame, body }: Order): Promise<void> {
    const head = encodeFrame(frame);
    if (body === undefined) this.#command.write(head);
    else if (body instanceof Uint8Array) {
      this.#command.cork();
      this.#command.write(head);
      this.#command.write(body);
      this.#command.uncork();
    } else {
      this.#command.write(head);
      for await (const chunk of body) if (!this.#command.write(chunk)) await this.#drained();
    }
    if (this.#command.writableNeedDrain) await this.#drained();
  }

  drain(): void {
    for (const pipe of this.#pipes) pipe.drain();
  }

  async freeze(): Promise<void> {
    // With its first process the whole pid namespace is gone, and an empty group may never report that it is frozen.
    if (!this.#ended) await this.#parts.cgroup.freeze();
    // Everything written before the freeze is in the pipes, so reading them empty delivers all of it and nothing else.
    this.drain();
  }

  thaw(): void {
    this.#parts.cgroup.thaw();
  }

  background(on: boolean): void {
    this.#parts.cgroup.weigh(on ? 10 : 100);
  }

  usage(): SandboxUsage {
    return this.#parts.cgroup.usage();
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#destroy();
    return this.#destroyed;
  }

  async #destroy(): Promise<void> {
    this.#listener = silent;
    this.#parts.kill();
    // In v1 a frozen process does not see the signal; thawing a group that is not frozen does nothing.
    this.#parts.cgroup.thaw();
    this.#command.destroy();
    await this.#parts.exited;
    for (const pipe of this.#pipes) pipe.close();
    this.#workspace?.close();
    await this.#parts.cgroup.remove();
    this.#parts.onDestroyed();
  }

  #claims(chunk: Uint8Array): void {
    if (this.violation) return;
    let claims: Claim[];
    try {
      claims = this.#decoder.push(chunk);
    } catch (error) {
      this.violation = (error as Error).message;
      this.#parts.kill();
      return;
    }
    this.#heard.push(...claims);
    // A listener that drains on a claim hears the next ones after it, not within it.
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let claim = this.#heard.shift(); claim; claim = this.#heard.shift()) this.#listener.claim(claim);
    } finally {
      this.#delivering = false;
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#command.off('drain', done).off('close', done);
        resolve();
      };
      if (this.#command.destroyed) resolve();
      else this.#command.on('drain', done).on('close', done);
    });
  }
}
