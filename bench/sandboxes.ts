import { readFileSync, readlinkSync } from 'node:fs';
import { descendants } from '../test/support/processes.ts';

/** Process ids in each sandbox of a server, by its pid namespace: those two levels below ours. */
export function sandboxes(server: number): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { pid, levels } of descendants(server)) {
    try {
      if (levels.length < 3) continue;
      const namespace = readlinkSync(`/proc/${pid}/ns/pid`);
      found.set(namespace, [...(found.get(namespace) ?? []), pid]);
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

/** What the kernel keeps to map the memory of processes, in bytes. */
export function pageTables(pids: readonly number[]): number {
  const sizes = pids.map((pid) =>
    Number(/^VmPTE:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0) * 1024;
}

/** Proportional set size of processes together, in bytes. */
export function pss(pids: readonly number[]): number {
  const sizes = pids.map((pid) => /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  return sizes.reduce<number>((sum, size) => sum + Number(size), 0) * 1024;
}
