import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify';
import { z } from 'zod';
import { DragomanError } from '../../core/index.ts';
import type { Shares } from '../../service/index.ts';
import { type Operation, problems } from '../operation.ts';
import { parse } from '../parse.ts';

const params = z.object({ secret: z.string().regex(/^[A-Za-z0-9_-]{32}$/) });

/** `/shared/{secret}`: a copy that its owner shares. It needs no credential but its secret, and leads to nothing else. */
export function addShared(app: FastifyInstance, shares: Shares, admit: onRequestAsyncHookHandler): void {
  app.get('/shared/:secret', { onRequest: admit, config: { operation } }, async (request, reply) => {
    const { secret } = parse(params, request.params);
    const share = await shares.find(secret);
    if (!share) throw new DragomanError('not_found', { message: 'This link has ended, or never was one.' });
    const { content, createdAt, expiresAt } = share;
    reply
      .header('cache-control', 'no-store')
      .header('x-robots-tag', 'noindex')
      .header('referrer-policy', 'no-referrer');
    const times = { created_at: new Date(createdAt).toISOString(), expires_at: new Date(expiresAt).toISOString() };
    return { ...(content as object), ...times };
  });
}

const operation: Operation = {
  id: 'readShared',
  summary: 'A notebook that is shared by a link',
  params,
  answers: {
    ...problems(400, 401, 404, 429, 500, 503),
    200: {
      description: 'The copy.',
      content: {
        type: 'application/json',
        schema: z.object({
          title: z.string(),
          notebook: z.looseObject({}),
          created_at: z.string(),
          expires_at: z.string(),
        }),
      },
    },
  },
  open: true,
};
