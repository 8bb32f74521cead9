import type { ExitStatus } from '../port.ts';

/** The sizes a sandbox is made with; see guest/namespaces/confine.py. */
export interface SandboxSizes {
  readonly workspaceBytes: number;
  readonly workspaceFiles: number;
  readonly tmpBytes: number;
  readonly shmBytes: number;
  readonly openFiles: number;
}

/** What the service says to a zygote. No byte of a user passes here: every later sandbox inherits the zygote's memory. */
export const zygoteOrders = {
  /** Fork a sandbox. `user`: its number inside the base; undefined for the zygote's own. */
  spawn: (id: string, user: number | undefined, sizes: SandboxSizes) => line({ op: 'spawn', id, user, sizes }),
  /** The service has opened its ends of the pipes: close them. */
  opened: (id: string) => line({ op: 'opened', id }),
  /** SIGKILL to the sandbox's first process, and so to all of them. */
  kill: (id: string) => line({ op: 'kill', id }),
} as const;

/** What a zygote says. It is our own code and holds nothing of a user, so its words are taken as they are. */
export type ZygoteEvent =
  | { readonly event: 'zygote' }
  | {
      readonly event: 'spawned';
      readonly id: string;
      /** In the zygote's pid namespace. */
      readonly pid: number;
      /** The zygote's descriptors of command, claims, stdout and stderr. */
      readonly fds: readonly number[];
    }
  | { readonly event: 'failed'; readonly id: string; readonly message: string }
  | ({ readonly event: 'exit'; readonly id: string } & ExitStatus);

function line(order: object): string {
  return `${JSON.stringify(order)}\n`;
}
