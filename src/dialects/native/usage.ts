import type { FastifyInstance } from 'fastify';
import { DragomanError } from '../../core/index.ts';
import { addRoute } from '../../http/index.ts';
import { sumOfUsage, type UsageAmounts } from '../../service/index.ts';
import { usageRoutes as routes } from './contract/usage.ts';
import type { NativeServices } from './services.ts';

const dayMs = 24 * 60 * 60_000;
const usualDays = 30;

/** What the caller's key has used. */
export function addUsageRoutes(
  app: FastifyInstance,
  { usage, storedFiles, now }: Pick<NativeServices, 'usage' | 'storedFiles' | 'now'>,
): void {
  addRoute(app, routes.read, async ({ query }, { principal }) => {
    const to = query.to ?? date(now());
    const from = query.from ?? date(Date.parse(to) - (usualDays - 1) * dayMs);
    if (from > to) throw new DragomanError('invalid_request', { message: 'from must not be after to' });
    const days = await usage.days(principal, from, to);
    const rows = days.map(({ date, ...amounts }) => ({ date, ...wire(amounts) }));
    const { used, allowed } = await storedFiles.storage(principal);
    const storage = { bytes_used: used, bytes_allowed: allowed };
    return { from, to, total: wire(sumOfUsage(days)), days: rows, storage };
  });
}

function date(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

/** Whole milliseconds, because a fraction of one says nothing over a day. */
function wire({ executions, cpuMs, wallMs, bytesStored, bytesServed }: UsageAmounts) {
  return {
    executions,
    cpu_ms: Math.round(cpuMs),
    wall_ms: Math.round(wallMs),
    bytes_stored: bytesStored,
    bytes_served: bytesServed,
  };
}
