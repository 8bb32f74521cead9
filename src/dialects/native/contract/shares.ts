import { z } from 'zod';
import { problems, type Route } from '../../../http/index.ts';
import { sessionParams } from '../wire.ts';
import { json, jsonBody } from './shared.ts';

/** Read-only copies of a notebook, opened by a link. */

const shareId = z.string().regex(/^[0-9a-f]{64}$/);
const shareBody = z
  .object({
    title: z.string().max(256),
    expires_in_hours: z.int().min(1).max(720),
    notebook: z.record(z.string(), z.unknown()).describe('What is shown: a notebook, nbformat 4. At most 2 MiB.'),
  })
  .meta({ id: 'ShareRequest' });
const share = z.object({ id: shareId, created_at: z.string(), expires_at: z.string() });
const made = share.extend({ secret: z.string().describe('The link is `/ui/s/<secret>`. It is told once.') });

const example = { id: 'ab'.repeat(32), created_at: '2026-01-02T03:04:05.000Z', expires_at: '2026-01-03T03:04:05.000Z' };
const reading = problems(400, 401, 403, 404, 429, 500, 503);
const params = sessionParams.extend({ share_id: shareId });
const off = '403 unless `DRAGOMAN_SHARES` is on.';

export const shareRoutes = {
  create: {
    id: 'createShare',
    method: 'POST',
    url: '/sessions/:session_id/shares',
    rateClass: 'list',
    summary: 'Share a read-only copy of a notebook by a link',
    description: off,
    params: sessionParams,
    body: jsonBody(shareBody, { title: 'sales', expires_in_hours: 24, notebook: { nbformat: 4, cells: [] } }),
    answers: {
      ...reading,
      ...problems(408, 413, 415),
      201: json('It can be read.', made, { ...example, secret: 'x'.repeat(32) }),
    },
  },
  list: {
    id: 'listShares',
    method: 'GET',
    url: '/sessions/:session_id/shares',
    rateClass: 'list',
    summary: 'The copies of a notebook that can be read',
    description: off,
    params: sessionParams,
    answers: { ...reading, 200: json('Latest first.', z.object({ data: z.array(share) }), { data: [example] }) },
  },
  end: {
    id: 'endShare',
    method: 'DELETE',
    url: '/sessions/:session_id/shares/:share_id',
    rateClass: 'list',
    summary: 'End a link',
    description: off,
    params,
    answers: { ...reading, 204: { description: 'It opens nothing any more.' } },
  },
} satisfies Record<string, Route>;
