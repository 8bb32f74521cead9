import { spawn } from 'node:child_process';
import { closeSync, openSync, readlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { childEnvironment, DragomanError } from '../../core/index.ts';
import type { UserRange } from './user-map.ts';

/** The first of the same users inside the base sandbox; 1000 is the user of the image. */
const firstInside = 1000;
const deadlineMs = 5000;

/**
 * A host user per sandbox. The kernel counts some resources by user (pipes, descriptors in flight, watches, keys, signals): this
 * way they are counted by sandbox, and no sandbox may touch processes of another even if it could see them. Only root can set this
 * up, on the host or in a user namespace with a range of users: it needs a user namespace inside with that range mapped.
 */
export class SandboxUsers {
  readonly #first: number;
  readonly #namespace: number;
  readonly #free: number[];

  private constructor({ first, count }: UserRange, namespace: number) {
    this.#first = first;
    this.#free = Array.from({ length: count - 1 }, (_, index) => firstInside + count - 1 - index);
    this.#namespace = namespace;
  }

  /** Makes the user namespace. @throws Error when the kernel refuses */
  static async open(range: UserRange): Promise<SandboxUsers> {
    const { first, count } = range;
    // The namespace belongs to the zygotes' user, who may therefore enter it; root maps the range from outside.
    const holder = spawn('unshare', ['--user', 'cat'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      env: childEnvironment('run'),
      uid: first,
      gid: first,
    });
    const failed = new Promise<never>((_, reject) => {
      holder.once('error', reject);
      holder.once('exit', (status) =>
        reject(new Error(`a user namespace cannot be made (unshare ended with ${status})`)),
      );
    });
    failed.catch(() => {});
    try {
      await Promise.race([entered(holder.pid), failed]);
      for (const kind of ['uid', 'gid']) {
        writeFileSync(`/proc/${holder.pid}/${kind}_map`, `${firstInside} ${first} ${count}\n`);
      }
      return new SandboxUsers(range, openSync(`/proc/${holder.pid}/ns/user`, 'r'));
    } finally {
      holder.kill('SIGKILL');
    }
  }

  /** The host user zygotes start as. */
  get zygote(): { uid: number; gid: number } {
    return { uid: this.#first, gid: this.#first };
  }

  /** A descriptor of the user namespace with the whole range. */
  get namespace(): number {
    return this.#namespace;
  }

  /** The service's id for a user of the base sandbox. */
  outside(user: number): number {
    return this.#first + user - firstInside;
  }

  /** Takes a user for one sandbox, by its number inside the base sandbox. @throws DragomanError sandbox_unavailable */
  take(): number {
    const user = this.#free.pop();
    if (user === undefined) throw new DragomanError('sandbox_unavailable', { message: 'every sandbox user is taken' });
    return user;
  }

  /** Gives a user back; nothing of its sandbox may be left. */
  release(user: number): void {
    this.#free.unshift(user);
  }

  close(): void {
    closeSync(this.#namespace);
  }
}

async function entered(pid: number | undefined): Promise<void> {
  const own = readlinkSync('/proc/self/ns/user');
  for (const until = performance.now() + deadlineMs; performance.now() < until; await sleep(2)) {
    try {
      if (readlinkSync(`/proc/${pid}/ns/user`) !== own) return;
    } catch {
      // Not started yet, or ended: its exit is reported elsewhere.
    }
  }
  throw new Error('a user namespace was not made in time');
}
