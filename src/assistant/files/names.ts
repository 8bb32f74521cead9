import { randomBytes } from 'node:crypto';
import { pathFault } from '../../core/index.ts';

/** The last segment of a client's path, also of a Windows path, composed (NFC) as programs and models write names. */
export function lastSegment(path: string): string {
  return path.normalize('NFC').split(/[/\\]/).at(-1) || 'unknown_file';
}

/** A name that a workspace takes. */
export function workspaceName(path: string): string {
  const name = lastSegment(path);
  return pathFault(name) === undefined ? name : 'file';
}

/** The name itself when it is free, else the name with a prefix. */
export function freeName(name: string, isTaken: (name: string) => boolean): string {
  let free = name;
  while (isTaken(free)) free = `${randomBytes(4).toString('hex')}-${name}`;
  return free;
}
