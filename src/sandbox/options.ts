import type { Logger } from '../core/index.ts';
import type { Template } from './port.ts';

/** What every backend is made with. */
export interface BackendOptions {
  /** The image's root directory; readable and traversable for the sandbox user. */
  readonly imageRoot: string;
  /** The folder that becomes /opt/dragoman/guest. */
  readonly guestDir: string;
  /** The folder with the compiled helper that forks sandboxes: it becomes /opt/dragoman/native. */
  readonly nativeDir: string;
  /** The folder that becomes /opt/dragoman/runtimes: programs of ours that run inside, beside the guest. */
  readonly runtimesDir: string;
  /**
   * A folder of compiled programs, for backends that can leave it to a sandbox to copy one; absent: they are written into it. Users of
   * sandboxes may read its files by name; no code of a user ever has a way to it.
   */
  readonly programsDir?: string | undefined;
  readonly templates: readonly Template[];
  /** The first of 4096 host users for sandboxes when the service is root; otherwise all run as the service's own user. */
  readonly sandboxUid: number;
  /** Which part of these users is the backend's, where a service has several; absent: all. */
  readonly userShare?: UserShare | undefined;
  /** Most bytes a second that all sandboxes together read from the image's disk, where the host can bound it; absent: no bound. */
  readonly diskReadBytes?: number;
  /** What small virtual machines are made of, for the backend that makes them. */
  readonly machine?: MachineFiles | undefined;
  /** A folder for what gVisor keeps between starts: its program, checkpoints. Users of sandboxes must be able to enter it. */
  readonly tierDir?: string | undefined;
  /** gVisor's program; absent: the one that set-up put into `tierDir`. */
  readonly runsc?: string | undefined;
  readonly logger: Logger;
}

/** One of equal parts of the users for sandboxes, counted from 0. */
export interface UserShare {
  readonly at: number;
  readonly of: number;
}

/** What virtual machines are made of. Users of sandboxes may read all of it. */
export interface MachineFiles {
  readonly kernel: string;
  /** Its modules, in the order in which they are loaded. */
  readonly modules: readonly string[];
  /** A program that is a shell and more, without libraries. */
  readonly shell: string;
  /** The image of sandboxes, as squashfs. */
  readonly root: string;
  /** Changes with all of them. */
  readonly digest: string;
  /** For what is made of them. */
  readonly directory: string;
}
