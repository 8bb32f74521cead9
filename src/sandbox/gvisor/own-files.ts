import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { sandboxName } from './runsc.ts';

const { O_RDONLY, O_RDWR, O_DIRECTORY, O_NONBLOCK } = constants;

/** What the launcher has mounted for one sandbox, as the host reaches it: through its first process, by paths that nothing inside changes. */
export class OwnFiles {
  /** Named pipes of the guest. Opening them takes over the descriptors. */
  readonly claims: number;
  readonly saved: number;
  readonly given: number;
  /** The path of the workspace. */
  readonly workspace: string;
  readonly #root: string;
  readonly #state: number;
  #isClosed = false;

  /** Call it before the program of the sandbox begins. */
  constructor(hostPid: number, folder: string) {
    this.#root = `/proc/${hostPid}/root${folder}`;
    this.workspace = `${this.#root}/data`;
    const opened: number[] = [];
    const open = (path: string, mode: number) => {
      opened.push(openSync(`${this.#root}/${path}`, mode | O_NONBLOCK));
      return opened.at(-1)!;
    };
    try {
      this.claims = open('io/claims', O_RDONLY);
      this.saved = open('io/saved', O_RDONLY);
      // With a reader of its own it can be opened before the guest has.
      this.given = open('io/given', O_RDWR);
      this.#state = open('state', O_RDONLY | O_DIRECTORY);
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      throw error;
    }
  }

  /** The socket of gVisor's control server. The path through the descriptor is short enough for a socket's. */
  get control(): string {
    return `/proc/self/fd/${this.#state}/runsc-${sandboxName}.sock`;
  }

  /** The guest has opened its pipes: no program inside finds them by name. */
  hidePipes(): void {
    for (const name of ['claims', 'saved', 'given']) unlinkSync(`${this.#root}/io/${name}`);
  }

  /** Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#state);
  }
}
