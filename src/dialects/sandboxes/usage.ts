import { setTimeout as sleep } from 'node:timers/promises';
import type { Principal } from '../../core/index.ts';
import type { Sessions, SessionUsage } from '../../service/index.ts';

/** How long the processor is watched. */
const spanMs = 100;

/** What a sandbox uses now, and how much of its processors over a tenth of a second: in per cent, of all of them together. */
export async function measured(
  sessions: Sessions,
  principal: Principal,
  id: string,
): Promise<SessionUsage & { readonly cpuPercent: number }> {
  const before = await sessions.usageNow(principal, id);
  const begun = performance.now();
  await sleep(spanMs);
  const after = await sessions.usageNow(principal, id);
  const mostMs = (performance.now() - begun) * after.limits.cpus;
  // Another sandbox of the session may have been made meanwhile.
  const usedMs = Math.max(0, after.cpuMs - before.cpuMs);
  return { ...after, cpuPercent: Math.min(100, Math.round((usedMs / mostMs) * 10_000) / 100) };
}
