import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { childEnvironment } from '../../../core/index.ts';

/** Reads a control file, without the trailing newline. */
export function read(file: string): string {
  return readFileSync(file, 'utf8').trimEnd();
}

export function write(file: string, value: string | number): void {
  writeFileSync(file, String(value));
}

/** The processes in a group; none once it is gone. */
export function pids(group: string): number[] {
  try {
    return read(`${group}/cgroup.procs`).split('\n').filter(Boolean).map(Number);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Names of the groups below one. */
export function children(group: string): string[] {
  try {
    return readdirSync(group, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/**
 * Removes a group once it is empty: right after the last death the kernel may still say EBUSY. Another server that sweeps
 * may be quicker.
 */
export async function removeGroup(group: string, killRest: () => void, deadlineMs = 5000): Promise<void> {
  // The monotonic clock: it cannot be set back.
  for (const until = performance.now() + deadlineMs; ; ) {
    try {
      rmdirSync(group);
      return;
    } catch (error) {
      if (isGone(error)) return;
      if (code(error) !== 'EBUSY' || performance.now() > until) throw error;
    }
    try {
      killRest();
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    await sleep(3);
  }
}

/**
 * Removes groups of servers that were killed, those below others first: ends everything in them, then waits for that, once for all. What
 * cannot die yet, because the kernel does not let it, belongs to no server and keeps no other one from starting: a later start removes it.
 */
export async function sweepGroups(
  groups: readonly { readonly path: string; readonly killRest: () => void }[],
  deadlineMs = 5000,
): Promise<void> {
  for (const { killRest } of groups) {
    try {
      killRest();
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  const until = performance.now() + deadlineMs;
  for (const { path, killRest } of groups) {
    try {
      await removeGroup(path, killRest, until - performance.now());
    } catch (error) {
      if (code(error) !== 'EBUSY') throw error;
    }
  }
}

/** Whether a call failed because the group was removed before it, or under it. */
function isGone(error: unknown): boolean {
  return code(error) === 'ENOENT' || code(error) === 'ENODEV';
}

export function code(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (code(error) === 'EPERM') killAsOwner(pid);
    else if (code(error) !== 'ESRCH') throw error;
  }
}

/**
 * Root of a user namespace may not kill processes that a killed server left in an earlier namespace, but their own users may. The
 * group shows whether it worked.
 */
function killAsOwner(pid: number): void {
  try {
    const uid = Number(/^Uid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]);
    spawnSync('sh', ['-c', `kill -9 ${pid}`], {
      uid,
      gid: uid,
      cwd: '/',
      env: childEnvironment('run'),
      stdio: 'ignore',
      timeout: 5000,
    });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/**
 * Polls for a state that the kernel reaches by itself. At first it polls between turns of the event loop: a freeze usually takes a
 * tenth of a millisecond, and a timer ten times that.
 */
export async function reached(state: () => boolean, what: string, deadlineMs = 2000): Promise<void> {
  for (const until = performance.now() + 3; performance.now() < until; ) {
    if (state()) return;
    await new Promise(setImmediate);
  }
  for (const until = performance.now() + deadlineMs; performance.now() < until; ) {
    await sleep(1);
    if (state()) return;
  }
  throw new Error(`${what} within ${deadlineMs} ms`);
}
