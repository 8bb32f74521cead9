import { problems, type Route } from '../../../http/index.ts';
import { usage } from '../answers.ts';
import { usageQuery } from '../wire.ts';
import { json } from './shared.ts';

const amounts = { executions: 12, cpu_ms: 840, wall_ms: 2210, bytes_stored: 52_000, bytes_served: 18_000 };

export const usageRoutes = {
  read: {
    id: 'readUsage',
    method: 'GET',
    url: '/usage',
    rateClass: 'list',
    summary: 'What the caller’s key has used, by day, and what it has stored',
    description: 'Days are UTC and kept for 400 days.',
    query: usageQuery,
    answers: {
      ...problems(400, 401, 429, 500, 503),
      200: json('The days with any use, and their sum.', usage, {
        from: '2026-01-01',
        to: '2026-01-30',
        total: amounts,
        days: [{ date: '2026-01-02', ...amounts }],
        storage: { bytes_used: 41_000, bytes_allowed: 21_474_836_480 },
      }),
    },
  },
} satisfies Record<string, Route>;
