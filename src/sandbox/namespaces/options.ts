import type { Limits, Logger } from '../../core/index.ts';
import type { Template } from '../port.ts';

/** What every sandbox of a server gets; the sizes of its file systems are fixed when it is made. */
export type SandboxLimits = Pick<
  Limits,
  'memoryBytes' | 'processes' | 'cpus' | 'workspaceBytes' | 'workspaceFiles' | 'openFiles'
>;

export interface NamespacesOptions {
  /** The image's root directory; readable and traversable for the sandbox user. */
  readonly imageRoot: string;
  /** The folder that becomes /opt/dragoman/guest. */
  readonly guestDir: string;
  /** The folder that becomes /opt/dragoman/runtimes: what runs inside beside the guest. */
  readonly runtimesDir: string;
  readonly templates: readonly Template[];
  readonly limits: SandboxLimits;
  /** The first of 4096 host users for sandboxes when the service is root; otherwise all run as the service's own user. */
  readonly sandboxUid: number;
  readonly logger: Logger;
}

/** Scratch space of a sandbox beside its workspace. The memory limit must exceed the sum of all three. */
export const scratchBytes = { tmp: 128 * 1024 * 1024, shm: 64 * 1024 * 1024 } as const;
