import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '../core/index.ts';

const prefix = '.making-';

/** A name that no other process has, now or later; undefined: there is none of this number. */
export function processName(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ');
    return `${pid}-${fields[19]}`;
  } catch {
    return undefined;
  }
}

/** Whether this is the name of a process that lives. */
export function isProcess(name: string): boolean {
  return processName(Number(name.split('-')[0])) === name;
}

/** A new name in a folder for what is half made. */
export function makingIn(folder: string): string {
  return join(folder, `${prefix}${processName(process.pid)}.${newId()}`);
}

/** Removes what processes that are gone have left half made. */
export function sweepMaking(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix) || isProcess(name.slice(prefix.length).split('.')[0]!)) continue;
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}
