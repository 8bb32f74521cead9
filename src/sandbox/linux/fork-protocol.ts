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

/** A sandbox that is a process of the host's: its boundary is what the program makes (see guest/native/launcher.c). */
export interface LaunchFork {
  /** The host user, as the launcher knows users. */
  readonly user: number;
  readonly group: string;
  readonly sizes: { readonly workspaceBytes: number; readonly workspaceFiles: number };
  /** An empty folder of the host: the sandbox's own files are mounted there, for it alone. */
  readonly folder: string;
  /** The program and its arguments. */
  readonly argv: readonly string[];
}

export type ForkOrder = SandboxFork | LaunchFork;

/** What the service says to a process that forks sandboxes. No byte of a user passes here: every later sandbox inherits the zygote's memory. */
export const forkOrders = {
  spawn: (id: string, fork: ForkOrder) => line({ op: 'spawn', id, ...fork }),
  /** The service has opened its ends of the pipes and knows the process: close them. */
  opened: (id: string) => line({ op: 'opened', id }),
  /** SIGKILL to the sandbox's first process, and so to all of them. */
  kill: (id: string) => line({ op: 'kill', id }),
} as const;

/** What such a process says. It is our own code and holds nothing of a user, so its words are taken as they are. */
export type ForkEvent =
  /** Its template is loaded. */
  | { readonly event: 'zygote' }
  /** It has forked the next zygote, which loads now: its descriptor of that process. */
  | { readonly event: 'derived'; readonly pidfd: number }
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
