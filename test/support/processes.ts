import { readdirSync, readFileSync } from 'node:fs';

/** A process below a server, as the host sees it. */
export interface HostProcess {
  readonly pid: number;
  readonly parent: number;
  /** Its effective user. */
  readonly uid: number;
  /** Its pid in each pid namespace, the host's first: a sandbox's first process ends with 1, two levels down. */
  readonly levels: readonly number[];
}

/** Everything that a process has started and that is still there. */
export function descendants(pid: number): HostProcess[] {
  const children = tasks(pid).flatMap((task) =>
    text(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
  );
  return children.flatMap((child) => [describe(child, pid), ...descendants(child)]);
}

/** The first processes of its sandboxes, parked ones too. */
export function sandboxes(pid: number): HostProcess[] {
  return descendants(pid).filter(({ levels }) => levels.length === 3 && levels[2] === 1);
}

/** kill -9 of each, unless it has ended meanwhile: processes of one sandbox take one another along. */
export function kill(...pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

function describe(pid: number, parent: number): HostProcess {
  const status = text(`/proc/${pid}/status`);
  const numbers = (name: string) =>
    (new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '').split(/\s+/).filter(Boolean).map(Number);
  return { pid, parent, uid: numbers('Uid')[1] ?? -1, levels: numbers('NSpid') };
}

function tasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // It has ended meanwhile.
  }
}

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
