import type { FastifyInstance } from 'fastify';
import { addRoute } from '../../http/index.ts';
import { overviewRoutes as routes } from './contract/overview.ts';
import type { AdminServices } from './services.ts';
import { amountsAnswer, isoTime, isoTimeOrNull, ownerAnswer } from './wire.ts';

const usualDays = 30;
const usualOwners = 20;
const usualErrors = 100;

/** How the service is, what is used and stored, what failed, and what the host has. */
export function addOverviewRoutes(app: FastifyInstance, services: Omit<AdminServices, 'operations'>): void {
  const { overview, consumption, faults, surroundings, keyAdministration } = services;

  addRoute(app, routes.overview, async () => {
    const now = await overview.read();
    const { version, image, isolation, startedAt, reserveBytes } = now.surroundings;
    return {
      ready: now.health.ready,
      running: now.running,
      waiting: now.waiting,
      places: now.places,
      waiting_for_answers: now.waitingForAnswers,
      oldest_waiting_since: isoTimeOrNull(now.oldestQueuedAt),
      sandboxes: { live: now.sandboxes.live, parked: now.sandboxes.parked, of_sessions: now.sandboxes.ofSessions },
      memory: {
        available_bytes: now.memory.available,
        total_bytes: now.memory.total,
        reserve_bytes: reserveBytes,
      },
      disk: { free_bytes: now.disk.free, total_bytes: now.disk.total },
      problems: now.complaints,
      version,
      image,
      isolation,
      isolations: now.tiers.map(({ tier, fault, live, parked }) => ({ name: tier, fault, live, parked })),
      started_at: isoTime(startedAt),
    };
  });

  addRoute(app, routes.usage, async ({ query }) => {
    const { days = usualDays, limit = usualOwners } = query;
    const [use, names] = await Promise.all([consumption.usage(days, limit), keyAdministration.names()]);
    return {
      from: use.from,
      to: use.to,
      total: amountsAnswer(use.total),
      days: [...use.days].map(([date, amounts]) => ({ date, ...amountsAnswer(amounts) })),
      owners: use.owners.map(({ owner, total, days: own }) => ({
        owner: ownerAnswer(owner, names),
        total: amountsAnswer(total),
        days: [...own].map(([date, amounts]) => ({ date, ...amountsAnswer(amounts) })),
      })),
      other_owners: use.others,
    };
  });

  addRoute(app, routes.storage, async ({ query }) => {
    const [stored, names] = await Promise.all([
      consumption.storage(query.limit ?? usualOwners),
      keyAdministration.names(),
    ]);
    return {
      bytes: stored.bytes,
      files: stored.files,
      owners: stored.owners.map(({ owner, bytes, files }) => ({ owner: ownerAnswer(owner, names), bytes, files })),
      other_owners: stored.others,
    };
  });

  addRoute(app, routes.errors, async ({ query }) => ({
    data: faults.list(query.kind ?? 'failed', query.limit ?? usualErrors).map((fault) => ({
      at: isoTime(fault.at),
      method: fault.method,
      route: fault.route,
      status: fault.status,
      code: fault.code,
      request_id: fault.requestId,
      caller: fault.caller,
    })),
  }));

  addRoute(app, routes.doctor, async () => {
    const { at, usable, checks, remedies } = await surroundings.examine();
    return { at: isoTime(at), usable, checks, remedies };
  });
}
