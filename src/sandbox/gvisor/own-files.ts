import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { childEnvironment } from '../../core/index.ts';
import { namespacesOf, sandboxName } from './runsc.ts';

const run = promisify(execFile);

const { O_RDONLY, O_RDWR, O_DIRECTORY, O_NONBLOCK } = constants;

/** With a reader of its own a pipe can be opened for writing before the guest has it. */
const writable = O_RDWR;
const pipes = ['claims', 'saved', 'given'] as const;

/** What the launcher has mounted for one sandbox, as the host reaches it: through its first process, by paths that nothing inside changes. */
export class OwnFiles {
  /** Named pipes of the guest. Opening them takes over the descriptors. */
  readonly claims: number;
  readonly saved: number;
  readonly given: number;
  /** The path of the workspace. */
  readonly workspace: string;
  /** The same, for programs in the sandbox's namespaces. */
  readonly workspaceInside: string;
  readonly #hostPid: number;
  readonly #folder: string;
  readonly #root: string;
  readonly #state: number;
  #isClosed = false;

  /** Call it before the program of the sandbox begins. */
  constructor(hostPid: number, folder: string) {
    this.#hostPid = hostPid;
    this.#folder = folder;
    this.#root = `/proc/${hostPid}/root${folder}`;
    this.workspace = `${this.#root}/data`;
    this.workspaceInside = `${folder}/data`;
    const opened: number[] = [];
    const open = (path: string, mode: number) => {
      opened.push(openSync(`${this.#root}/${path}`, mode | O_NONBLOCK));
      return opened.at(-1)!;
    };
    try {
      this.claims = open('io/claims', O_RDONLY);
      this.saved = open('io/saved', O_RDONLY);
      this.given = open('io/given', writable);
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

  /** Opens the pipe `given` once more. @throws Error when the sandbox has ended */
  openGiven(): number {
    return openSync(`${this.#root}/given`, writable | O_NONBLOCK);
  }

  /** The guest has opened its pipes: no program inside finds them by name. */
  hidePipes(): void {
    for (const name of pipes) rmSync(`${this.#root}/io/${name}`, { force: true });
  }

  /**
   * For a checkpoint, while nothing inside runs: gVisor opens them by their names when it is restored. Only the sandbox's user can make
   * names there.
   */
  async showPipes(signal: AbortSignal): Promise<void> {
    const names = pipes.map((name) => `${this.#folder}/${name}`);
    await run(
      'nsenter',
      [...namespacesOf(this.#hostPid), '--', 'ln', `--target-directory=${this.#folder}/io`, ...names],
      {
        env: childEnvironment('run'),
        cwd: '/',
        signal,
        killSignal: 'SIGKILL',
      },
    );
  }

  /** Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#state);
  }
}
