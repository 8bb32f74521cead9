import type { Owner, UsageAmounts } from '../../service/index.ts';

/** What the routes have in common. */

export const isoTime = (milliseconds: number) => new Date(milliseconds).toISOString();
export const isoTimeOrNull = (milliseconds: number | null) => (milliseconds === null ? null : isoTime(milliseconds));

/** An owner by its id, and by the name of its key where it is a key that is known here. */
export function ownerAnswer({ id, tenant }: Owner, names: ReadonlyMap<string, string>) {
  return { id, tenant, name: names.get(id) ?? null };
}

/** Whole milliseconds, because a fraction of one says nothing over a day. */
export function amountsAnswer({ executions, cpuMs, wallMs, bytesStored, bytesServed }: UsageAmounts) {
  return {
    executions,
    cpu_ms: Math.round(cpuMs),
    wall_ms: Math.round(wallMs),
    bytes_stored: bytesStored,
    bytes_served: bytesServed,
  };
}
