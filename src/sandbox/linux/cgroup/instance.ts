import { readFileSync } from 'node:fs';

const pattern = /^dragoman\.(\d+)\.(\d+)(?:\.\d+)?$/;

/** Names that this server has had: a backend has a group of its own. */
let names = 0;

/** A new group name that no other server uses: the pid and when it started, so that a pid used again does not match. */
export function newInstanceName(): string {
  const own = `dragoman.${process.pid}.${startTime(process.pid)}`;
  return names++ === 0 ? own : `${own}.${names}`;
}

/** Tells whether a name is that of a server which no longer runs. */
export function isStale(name: string): boolean {
  const [, pid, started] = pattern.exec(name) ?? [];
  return pid !== undefined && startTime(Number(pid)) !== started;
}

/** Field 22 of /proc/<pid>/stat, in clock ticks since boot; undefined when there is no such process. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command's name and may hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
