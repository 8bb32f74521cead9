import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { DragomanError } from '../../core/index.ts';
import type { ExitStatus } from '../port.ts';
import { type ForkEvent, type ForkOrder, forkOrders } from './fork-protocol.ts';

/** A fresh fork as the host sees it: its pid and our ends of its pipes. */
export interface Spawned {
  readonly hostPid: number;
  readonly command: number;
  readonly claims: number;
  readonly stdout: number;
  readonly stderr: number;
}

interface Fork {
  readonly wanted: ForkOrder;
  spawned: (value: Spawned) => void;
  failed: (error: Error) => void;
  exited: (status: ExitStatus) => void;
  /** Neither `spawned` nor `failed` was called. */
  isPending: boolean;
}

const spawnDeadlineMs = 10_000;
/** How long an order that can wait does so for another one to go with. */
const patienceMs = 100;

/** The service's side of a process that forks sandboxes: of the socket to it, and of the forks that it has. */
export class ForkServer {
  readonly #control: Duplex;
  readonly #hostPid: () => number;
  readonly #forks = new Map<string, Fork>();
  #unsaid = '';
  /** Goes with what is said next, or after a while alone. */
  #unhurried = '';
  #gone = false;

  /**
   * Takes over the socket.
   * @param hostPid tells the process at its other end
   * @param started called once that process forks
   * @param derived called with its descriptor of a process of its own kind that it has made, which has another socket
   */
  constructor(
    control: Duplex,
    hostPid: () => number,
    started: () => void,
    derived: (pidfd: number) => void = () => {},
  ) {
    this.#control = control;
    this.#hostPid = hostPid;
    this.#read(started, derived);
  }

  /**
   * Forks a sandbox. `exited` is called when its first process has ended.
   * @throws DragomanError sandbox_unavailable
   */
  async spawn(id: string, wanted: ForkOrder, exited: (status: ExitStatus) => void): Promise<Spawned> {
    if (this.#gone) throw new DragomanError('sandbox_unavailable', { message: 'the zygote is gone' });
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Spawned>((resolve, reject) => {
        const failed = (error: Error) => reject(new DragomanError('sandbox_unavailable', { cause: error }));
        timer = setTimeout(() => failed(new Error('the zygote did not answer')), spawnDeadlineMs);
        const fork: Fork = { wanted, spawned: resolve, failed, exited, isPending: true };
        this.#forks.set(id, fork);
        this.#say(forkOrders.spawn(id, wanted));
      });
    } catch (error) {
      this.#forks.delete(id);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lets the program of a launcher begin. */
  opened(id: string): void {
    this.#say(forkOrders.opened(id));
  }

  /** Kills a sandbox's first process and so its pid namespace. */
  kill(id: string): void {
    if (this.#forks.has(id)) this.#say(forkOrders.kill(id));
  }

  /** The process is gone, and every sandbox with it. */
  lost(): void {
    this.#gone = true;
    const forks = [...this.#forks.values()];
    this.#forks.clear();
    for (const fork of forks) {
      fork.failed(new Error('the zygote died'));
      fork.exited({ code: null, signal: 'SIGKILL' });
    }
  }

  /** What is said in one turn leaves in one piece. */
  #say(order: string): void {
    if (this.#unsaid === '') setImmediate(() => this.#sayAll());
    this.#unsaid += order;
  }

  /** What nobody waits for: each piece wakes the other process. */
  #sayLater(order: string): void {
    if (this.#unhurried === '') setTimeout(() => this.#sayAll(), patienceMs).unref();
    this.#unhurried += order;
  }

  #sayAll(): void {
    const orders = this.#unhurried + this.#unsaid;
    this.#unhurried = this.#unsaid = '';
    if (orders !== '' && !this.#gone) this.#control.write(orders);
  }

  #read(started: () => void, derived: (pidfd: number) => void): void {
    let buffered = '';
    this.#control.setEncoding('utf8').on('data', (text: string) => {
      const lines = (buffered + text).split('\n');
      buffered = lines.pop()!;
      for (const line of lines) {
        const event = JSON.parse(line) as ForkEvent;
        if (event.event === 'zygote') started();
        else if (event.event === 'derived') derived(event.pidfd);
        else this.#hear(event);
      }
    });
  }

  #hear(event: Extract<ForkEvent, { id: string }>): void {
    const fork = this.#forks.get(event.id);
    switch (event.event) {
      case 'spawned': {
        // A fork whose deadline has passed is killed again.
        if (!fork) this.#say(forkOrders.kill(event.id) + forkOrders.opened(event.id));
        else {
          this.#adopt(fork, event.pidfd, event.fds);
          // Forks of a zygote do not wait for it.
          if (!('argv' in fork.wanted)) this.#sayLater(forkOrders.opened(event.id));
        }
        return;
      }
      case 'failed':
        fork?.failed(new Error(event.message));
        return;
      case 'exit':
        this.#forks.delete(event.id);
        // Every sandbox ends one day: an error with its stack costs too much to make it for nothing.
        if (fork?.isPending)
          fork.failed(new Error(`the sandbox ended while it was made (${event.code ?? event.signal})`));
        fork?.exited({ code: event.code, signal: event.signal });
    }
  }

  #adopt(fork: Fork, pidfd: number, fds: readonly number[]): void {
    const opened: number[] = [];
    try {
      const hostPid = pidOf(this.#hostPid(), pidfd);
      // -1: it has ended.
      if (!(hostPid > 0)) throw new Error('the sandbox ended while it was made');
      const [command, claims, stdout, stderr] = fds.map((fd, index) => {
        const mode = index === 0 ? constants.O_WRONLY : constants.O_RDONLY;
        opened.push(openSync(`/proc/${this.#hostPid()}/fd/${fd}`, mode | constants.O_NONBLOCK));
        return opened.at(-1)!;
      }) as [number, number, number, number];
      fork.isPending = false;
      fork.spawned({ hostPid, command, claims, stdout, stderr });
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      fork.failed(error as Error);
    }
  }
}

const buffer = Buffer.allocUnsafe(1024);

/**
 * The process that a descriptor of another's means, as the host sees it: no other process can be meant. -1 when it or the other has ended,
 * NaN when the descriptor means none.
 */
export function pidOf(holder: number, pidfd: number): number {
  let fd: number | undefined;
  try {
    fd = openSync(`/proc/${holder}/fdinfo/${pidfd}`, constants.O_RDONLY);
    // A few short lines, which the kernel gives in one piece.
    const info = buffer.toString('latin1', 0, readSync(fd, buffer));
    return Number(/^Pid:\s+(-?\d+)$/m.exec(info)?.[1]);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code!)) return -1;
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
