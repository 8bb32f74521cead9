import type { ExitStatus } from '../port.ts';

/** The sizes a sandbox is made with; see guest/native/confine.c. */
interface SandboxSizes {
  readonly workspaceBytes: number;
  readonly workspaceFiles: number;
  readonly tmpBytes: number;
  readonly shmBytes: number;
  readonly openFiles: number;
}

/** A sandbox to be forked. */
export interface SandboxFork {
  /** Its user's number inside the base; undefined: the zygote's own. */
  readonly user: number | undefined;
  /** Its control group's name below the entrances that the zygote has, if it has any. */
  readonly group: string;
  readonly sizes: SandboxSizes;
}

/** What the service says to a zygote. No byte of a user passes here: every later sandbox inherits the zygote's memory. */
export const zygoteOrders = {
  spawn: (id: string, fork: SandboxFork) => line({ op: 'spawn', id, ...fork }),
  /** The service has opened its ends of the pipes and knows the process: close them. */
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
      /** The zygote's descriptor of the process. */
      readonly pidfd: number;
      /** The zygote's descriptors of command, claims, stdout and stderr. */
      readonly fds: readonly number[];
    }
  | { readonly event: 'failed'; readonly id: string; readonly message: string }
  | ({ readonly event: 'exit'; readonly id: string } & ExitStatus);

function line(order: object): string {
  return `${JSON.stringify(order)}\n`;
}
