import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Process ids in each sandbox, by its pid namespace: those two levels below ours. */
export function sandboxes(): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const name of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const levels = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]?.split(/\s+/) ?? [];
      if (levels.length < 3) continue;
      const namespace = readlinkSync(`/proc/${name}/ns/pid`);
      found.set(namespace, [...(found.get(namespace) ?? []), Number(name)]);
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

/** Proportional set size of processes together, in bytes. */
export function pss(pids: readonly number[]): number {
  const sizes = pids.map((pid) => /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  return sizes.reduce<number>((sum, size) => sum + Number(size), 0) * 1024;
}
