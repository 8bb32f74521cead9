import { readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Reads a control file, without the trailing newline. */
export function read(file: string): string {
  return readFileSync(file, 'utf8').trimEnd();
}

export function write(file: string, value: string | number): void {
  writeFileSync(file, String(value));
}

/** Reads `key value` lines. */
export function readKey(file: string, key: string): number {
  for (const line of read(file).split('\n')) {
    if (line.startsWith(`${key} `)) return Number(line.slice(key.length + 1));
  }
  return 0;
}

export function pids(group: string): number[] {
  return read(`${group}/cgroup.procs`).split('\n').filter(Boolean).map(Number);
}

/** Names of the groups below one. */
export function children(group: string): string[] {
  try {
    return readdirSync(group, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    if (code(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Removes a group once it is empty: right after the last death the kernel may still say EBUSY. */
export async function removeGroup(group: string, killRest: () => void, deadlineMs = 5000): Promise<void> {
  for (const until = Date.now() + deadlineMs; ; ) {
    try {
      rmdirSync(group);
      return;
    } catch (error) {
      if (code(error) === 'ENOENT') return;
      if (code(error) !== 'EBUSY' || Date.now() > until) throw error;
      killRest();
    }
    await sleep(3);
  }
}

export function code(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (code(error) !== 'ESRCH') throw error;
  }
}

/**
 * Polls for a state the kernel reaches by itself: between turns of the event loop at first, because a freeze usually takes
 * a tenth of a millisecond and a timer ten times that.
 */
export async function reached(state: () => boolean, what: string, deadlineMs = 2000): Promise<void> {
  for (const until = performance.now() + 3; performance.now() < until; ) {
    if (state()) return;
    await new Promise(setImmediate);
  }
  for (const until = Date.now() + deadlineMs; Date.now() < until; ) {
    await sleep(1);
    if (state()) return;
  }
  throw new Error(`${what} within ${deadlineMs} ms`);
}
