import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { DragomanError, jsonLength, newId } from '../../core/index.ts';
import { addRoute } from '../../http/index.ts';
import type { Draft } from '../../service/index.ts';
import { type chatBody, maxDraftBytes, draftRoutes as routes } from './contract/drafts.ts';
import type { NativeServices } from './services.ts';

type Chat = z.infer<typeof chatBody>;

/** Notebook documents and chats: what the pages keep. */
export function addDraftRoutes(
  app: FastifyInstance,
  { drafts, sessions }: Pick<NativeServices, 'drafts' | 'sessions'>,
): void {
  addRoute(app, routes.readNotebook, async ({ params: { session_id: id } }, { principal }, reply) => {
    const session = await sessions.get(principal, id);
    const draft = await drafts.get(principal, 'notebook', session.id);
    reply.header('etag', etagOf(draft)).header('cache-control', 'no-store');
    return draft?.content ?? { cells: [] };
  });
  addRoute(app, routes.writeNotebook, async ({ params: { session_id: id }, body }, request, reply) => {
    const { principal } = request;
    await sessions.get(principal, id);
    checkSize(body);
    const draft = await drafts.put(principal, 'notebook', id, { content: body, from: fromOf(request) });
    return reply.code(204).header('etag', etagOf(draft)).send();
  });

  addRoute(app, routes.listChats, async ({ query }, { principal }) => {
    const { limit = 20, after, order = 'desc' } = query;
    const { drafts: page, more } = await drafts.list(principal, 'chat', { limit, after, order });
    const data = page.map(({ id, content, updatedAt }) => {
      const { title, session_id: sessionId } = content as Chat;
      return { id, title, session_id: sessionId ?? null, updated_at: isoTime(updatedAt) };
    });
    return { data, has_more: more };
  });
  addRoute(app, routes.createChat, async ({ body }, { principal }, reply) => {
    checkSize(body);
    const draft = await drafts.put(principal, 'chat', newId(), { content: body, from: 0 });
    return sendChat(reply.code(201), draft);
  });
  addRoute(app, routes.readChat, async ({ params }, { principal }, reply) =>
    sendChat(reply, found(await drafts.get(principal, 'chat', params.chat_id))),
  );
  addRoute(app, routes.writeChat, async ({ params: { chat_id: id }, body }, request, reply) => {
    const { principal } = request;
    checkSize(body);
    found(await drafts.get(principal, 'chat', id));
    return sendChat(reply, await drafts.put(principal, 'chat', id, { content: body, from: fromOf(request) }));
  });
  addRoute(app, routes.deleteChat, async ({ params }, { principal }, reply) => {
    if (!(await drafts.delete(principal, 'chat', params.chat_id))) found(undefined);
    return reply.code(204).send();
  });
}

function sendChat(reply: FastifyReply, draft: Draft) {
  const { id, content, updatedAt, expiresAt } = draft;
  return reply
    .header('etag', etagOf(draft))
    .header('cache-control', 'no-store')
    .send({ ...(content as Chat), id, updated_at: isoTime(updatedAt), expires_at: isoTime(expiresAt) });
}

function found(draft: Draft | undefined): Draft {
  if (!draft) throw new DragomanError('not_found', { message: 'Chat not found' });
  return draft;
}

function checkSize(body: unknown): void {
  if (jsonLength(body) > maxDraftBytes)
    throw new DragomanError('too_large', { message: `It must be at most ${maxDraftBytes} bytes of JSON.` });
}

const etagOf = (draft: Draft | undefined) => `"${draft?.revision ?? 0}"`;

/** The revision that the caller has read; undefined: any may be replaced. */
function fromOf({ headers }: FastifyRequest): number | undefined {
  const said = headers['if-match'];
  if (said === undefined || said === '*') return undefined;
  const [, revision] = /^"(\d{1,15})"$/.exec(said) ?? [];
  if (revision === undefined) throw new DragomanError('invalid_request', { message: 'If-Match must be an ETag.' });
  return Number(revision);
}

const isoTime = (milliseconds: number) => new Date(milliseconds).toISOString();
