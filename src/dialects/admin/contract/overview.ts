import { z } from 'zod';
import type { Route } from '../../../http/index.ts';
import { count, exampleOwner, json, limit, owner, refusals, time } from './shared.ts';

const date = z.string().meta({ format: 'date' });

const overview = z
  .object({
    ready: z.boolean().describe('Code can run now.'),
    running: count,
    waiting: count.describe('Executions that wait for a place.'),
    places: count.describe('Executions that may run at once.'),
    waiting_for_answers: count.describe('Executions that wait for their callers to answer tool calls.'),
    oldest_waiting_since: time.nullable(),
    sandboxes: z.object({
      live: count,
      parked: count.describe('Made ahead of need; counted in `live`.'),
      of_sessions: count,
    }),
    memory: z.object({ available_bytes: count, total_bytes: count, reserve_bytes: count }),
    disk: z.object({ free_bytes: count, total_bytes: count }).describe('Of the file system of the data directory.'),
    problems: z
      .array(
        z.object({
          code: z.enum(['not_ready', 'isolation', 'queue', 'failures', 'disk', 'memory', 'host']),
          message: z.string(),
          mend: z.string(),
        }),
      )
      .describe('What is wrong now, and what mends it; empty: nothing is.'),
    version: z.string(),
    image: z.string().describe('The sandbox image and the hash of its definition.'),
    isolation: z.string().describe('Of keys whose plan says nothing of it.'),
    isolations: z
      .array(
        z.object({
          name: z.string(),
          fault: z.string().nullable().describe('Why nothing can run behind it; null: it can.'),
          live: count,
          parked: count,
        }),
      )
      .describe('Every isolation that the settings or a plan name, with its sandboxes.'),
    started_at: time,
  })
  .meta({ id: 'Overview' });

const amounts = { executions: count, cpu_ms: count, wall_ms: count, bytes_stored: count, bytes_served: count };
const days = z.array(z.object({ date, ...amounts })).describe('Days without any use are left out.');
const exampleAmounts = { executions: 12, cpu_ms: 3400, wall_ms: 9100, bytes_stored: 20_480, bytes_served: 4096 };
const exampleDays = [{ date: '2026-01-02', ...exampleAmounts }];

const owners = limit(100, 20).describe('Owners that are told one by one; 20 when absent.');

export const overviewRoutes = {
  overview: {
    id: 'readOverview',
    method: 'GET',
    url: '/admin/overview',
    rateClass: 'list',
    summary: 'How the service is: places, sandboxes, memory, disk, and what is wrong',
    answers: {
      ...refusals(),
      200: json('At this moment.', overview, {
        ready: true,
        running: 3,
        waiting: 0,
        places: 8,
        waiting_for_answers: 0,
        oldest_waiting_since: null,
        sandboxes: { live: 14, parked: 6, of_sessions: 5 },
        memory: { available_bytes: 9_000_000_000, total_bytes: 16_000_000_000, reserve_bytes: 1_000_000_000 },
        disk: { free_bytes: 120_000_000_000, total_bytes: 200_000_000_000 },
        problems: [],
        version: '0.2.0',
        image: 'full-f5e2b0a215ac',
        isolation: 'namespaces',
        isolations: [
          { name: 'namespaces', fault: null, live: 12, parked: 6 },
          { name: 'gvisor', fault: null, live: 2, parked: 0 },
        ],
        started_at: '2026-01-02T03:04:05.000Z',
      }),
    },
  },
  usage: {
    id: 'readAllUsage',
    method: 'GET',
    url: '/admin/usage',
    rateClass: 'list',
    summary: 'What keys and users used, by day',
    query: z.object({
      days: z.coerce.number().int().min(1).max(92).optional().describe('Up to today, UTC; 30 when absent.'),
      limit: owners,
    }),
    answers: {
      ...refusals(),
      200: json(
        'Those who used the most processor time first. May be some seconds old, and minutes where there are very many owners.',
        z
          .object({
            from: date,
            to: date,
            total: z.object(amounts),
            days,
            owners: z.array(z.object({ owner, total: z.object(amounts), days })),
            other_owners: count.describe('Owners that are in the totals alone.'),
          })
          .meta({ id: 'UsageOfAll' }),
        {
          from: '2025-12-04',
          to: '2026-01-02',
          total: exampleAmounts,
          days: exampleDays,
          owners: [{ owner: exampleOwner, total: exampleAmounts, days: exampleDays }],
          other_owners: 0,
        },
      ),
    },
  },
  storage: {
    id: 'readStorage',
    method: 'GET',
    url: '/admin/storage',
    rateClass: 'list',
    summary: 'What the files of keys and users take',
    query: z.object({ limit: owners }),
    answers: {
      ...refusals(),
      200: json(
        'Those who store the most first; each file counts in whole blocks, and once for each owner. May be some seconds old, and minutes where there are very many owners.',
        z
          .object({
            bytes: count,
            files: count,
            owners: z.array(z.object({ owner, bytes: count, files: count })),
            other_owners: count.describe('Owners that are in the totals alone.'),
          })
          .meta({ id: 'StorageOfAll' }),
        {
          bytes: 40_960,
          files: 3,
          owners: [{ owner: exampleOwner, bytes: 40_960, files: 3 }],
          other_owners: 0,
        },
      ),
    },
  },
  errors: {
    id: 'listErrors',
    method: 'GET',
    url: '/admin/errors',
    rateClass: 'list',
    summary: 'Requests of the last day that failed or were refused',
    description:
      'At most 300 of each kind, in memory: a restart forgets them. The log of the service has more, by the id of the request.',
    query: z.object({
      kind: z
        .enum(['failed', 'refused'])
        .optional()
        .describe(
          '`failed`, when absent: by the service (5xx); `refused`: for want of a right, a place or a rate (401, 403, 413, 429).',
        ),
      limit: limit(300, 100),
    }),
    answers: {
      ...refusals(),
      200: json(
        'Newest first, without bodies, addresses and messages.',
        z.object({
          data: z.array(
            z
              .object({
                at: time,
                method: z.string(),
                route: z.string().describe('Its pattern.'),
                status: z.int(),
                code: z.string(),
                request_id: z.string(),
                caller: z.string().nullable().describe('Name of the key; null: not known.'),
              })
              .meta({ id: 'Fault' }),
          ),
        }),
        {
          data: [
            {
              at: '2026-01-02T03:04:05.000Z',
              method: 'POST',
              route: '/exec',
              status: 503,
              code: 'sandbox_unavailable',
              request_id: 'b7Vw2HsTq9LmXe4RfYc1Z',
              caller: 'alice',
            },
          ],
        },
      ),
    },
  },
  doctor: {
    id: 'examineHost',
    method: 'GET',
    url: '/admin/doctor',
    rateClass: 'list',
    summary: 'What the host has and lacks, as the command doctor says it',
    description: 'Makes a sandbox beside those of the service, which takes seconds; the answer may be a minute old.',
    answers: {
      ...refusals(),
      200: json(
        'The examination.',
        z
          .object({
            at: time,
            usable: z.boolean(),
            checks: z.array(
              z.object({ name: z.string(), state: z.enum(['present', 'missing', 'absent']), detail: z.string() }),
            ),
            remedies: z.array(z.string()),
          })
          .meta({ id: 'Examination' }),
        {
          at: '2026-01-02T03:04:05.000Z',
          usable: true,
          checks: [{ name: 'kernel', state: 'present', detail: 'Linux 6.1 (5.10 or later is needed)' }],
          remedies: [],
        },
      ),
    },
  },
} satisfies Record<string, Route>;
