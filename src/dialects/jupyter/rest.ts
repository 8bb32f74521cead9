import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { DragomanError, type Principal } from '../../core/index.ts';
import { parse } from '../../http/index.ts';
import type { Kernel } from './kernel.ts';
import { type Desk, type Kernels, type NotebookSession, noKernel } from './kernels.ts';
import { specModel, specNamed } from './languages.ts';
import { serve } from './route.ts';
import type { Fields } from './wire.ts';

/** Of one key at one address. */
const maxSessions = 500;

const text = z.string().max(1000);
const kernelBody = z.object({ name: text.nullish(), path: text.nullish(), kernel_id: text.nullish() });
const kernelOfSession = z.object({ id: text.nullish(), name: text.nullish() });
const sessionBody = z.object({
  path: text.min(1),
  type: text.min(1),
  name: text.nullish(),
  kernel: kernelOfSession.nullish(),
});
const sessionChange = z.object({
  path: text.min(1).nullish(),
  type: text.min(1).nullish(),
  name: text.nullish(),
  kernel: kernelOfSession.nullish(),
});

/** The REST half of kernels and sessions, below `prefix`. */
export function addKernelRoutes(app: FastifyInstance, kernels: Kernels, prefix: string, isHome: boolean): void {
  const list = { method: 'GET', rateClass: 'list' } as const;
  const change = { method: 'POST', rateClass: 'list' } as const;
  const idOf = (request: { params: unknown }) => (request.params as { id: string }).id;
  const deskOf = (principal: Principal) => kernels.desk(principal, isHome);
  const find = (request: { principal: Principal; params: unknown }) =>
    kernels.find(request.principal, isHome, idOf(request));

  serve(app, { ...list, url: `${prefix}/api/kernels` }, async ({ principal }) =>
    [...(await deskOf(principal)).kernels.values()].map(({ model }) => model),
  );
  serve(app, { method: 'POST', rateClass: 'exec', url: `${prefix}/api/kernels` }, async (request, reply) => {
    const { name, path, kernel_id: id } = parse(kernelBody, request.body ?? {});
    const desk = await deskOf(request.principal);
    const kernel = await kernels.create(desk, {
      name: name ?? undefined,
      path: path ?? undefined,
      id: id ?? undefined,
    });
    return reply.code(201).header('location', `${prefix}/api/kernels/${kernel.id}`).send(kernel.model);
  });
  serve(app, { ...list, url: `${prefix}/api/kernels/:id` }, async (request) => (await find(request)).model);
  serve(app, { method: 'DELETE', rateClass: 'list', url: `${prefix}/api/kernels/:id` }, async (request, reply) => {
    await kernels.end(await find(request));
    return reply.code(204).send();
  });
  serve(app, { ...change, url: `${prefix}/api/kernels/:id/interrupt` }, async (request, reply) => {
    await (await find(request)).interrupt();
    return reply.code(204).send();
  });
  serve(app, { ...change, rateClass: 'exec', url: `${prefix}/api/kernels/:id/restart` }, async (request) => {
    const kernel = await find(request);
    await kernel.restart();
    return kernel.model;
  });

  serve(app, { ...list, url: `${prefix}/api/kernelspecs` }, async () => {
    const specs = await kernels.specs();
    return { default: 'python3', kernelspecs: Object.fromEntries(specs.map((spec) => [spec.name, specModel(spec)])) };
  });
  serve(app, { ...list, url: `${prefix}/api/kernelspecs/:id` }, async (request) => {
    const spec = specNamed(await kernels.specs(), idOf(request));
    if (!spec) throw new DragomanError('not_found', { message: 'Kernel spec not found.' });
    return specModel(spec);
  });

  serve(app, { ...list, url: `${prefix}/api/sessions` }, async ({ principal }) => {
    const desk = await deskOf(principal);
    return [...desk.sessions.values()].flatMap((session) => sessionModel(desk, session) ?? []);
  });
  serve(app, { method: 'POST', rateClass: 'exec', url: `${prefix}/api/sessions` }, async (request, reply) => {
    const { path, type, name, kernel: wanted } = parse(sessionBody, request.body ?? {});
    const desk = await deskOf(request.principal);
    const known = [...desk.sessions.values()].find((session) => session.path === path);
    if (known) return reply.code(201).send(sessionModel(desk, known));
    if (desk.sessions.size >= maxSessions)
      throw new DragomanError('conflict', { message: `There are ${maxSessions} sessions. End one first.` });
    const kernel = await kernelOf(desk, wanted ?? {}, path).catch((error) => {
      if (!(error instanceof DragomanError) || error.code !== 'unsupported_language') throw error;
      return error;
    });
    if (kernel instanceof Error)
      return reply.code(501).send({ message: kernel.message, short_message: 'There is no such kernel.', reason: null });
    const session = { id: randomUUID(), path, type, name: name ?? '', kernelId: kernel.id };
    desk.sessions.set(session.id, session);
    await kernels.note(desk, kernel);
    return reply.code(201).header('location', `${prefix}/api/sessions/${session.id}`).send(sessionModel(desk, session));
  });
  serve(app, { ...list, url: `${prefix}/api/sessions/:id` }, async (request) => {
    const desk = await deskOf(request.principal);
    return sessionModel(desk, sessionAt(desk, idOf(request)));
  });
  serve(app, { method: 'PATCH', rateClass: 'list', url: `${prefix}/api/sessions/:id` }, async (request) => {
    const { path, type, name, kernel: wanted } = parse(sessionChange, request.body ?? {});
    const desk = await deskOf(request.principal);
    const session = sessionAt(desk, idOf(request));
    session.path = path ?? session.path;
    session.type = type ?? session.type;
    session.name = name ?? session.name;
    const before = desk.kernels.get(session.kernelId);
    if (wanted?.id || wanted?.name) {
      const kernel = await kernelOf(desk, wanted, session.path);
      session.kernelId = kernel.id;
      const isUsed = [...desk.sessions.values()].some(({ kernelId }) => kernelId === before?.id);
      if (before && before !== kernel && !isUsed) await kernels.end(before);
    }
    const kernel = desk.kernels.get(session.kernelId);
    if (kernel) await kernels.note(desk, kernel);
    return sessionModel(desk, session);
  });
  serve(app, { method: 'DELETE', rateClass: 'list', url: `${prefix}/api/sessions/:id` }, async (request, reply) => {
    const desk = await deskOf(request.principal);
    const session = sessionAt(desk, idOf(request));
    desk.sessions.delete(session.id);
    const kernel = desk.kernels.get(session.kernelId);
    if (kernel) await kernels.end(kernel);
    return reply.code(204).send();
  });

  serve(app, { ...list, url: `${prefix}/api/status` }, async ({ principal }) => {
    const models = [...(await deskOf(principal)).kernels.values()];
    const latest = Math.max(kernels.startedAt, ...models.map(({ lastActivity }) => lastActivity));
    return {
      started: new Date(kernels.startedAt).toISOString(),
      last_activity: new Date(latest).toISOString(),
      connections: models.reduce((sum, { connections }) => sum + connections, 0),
      kernels: models.length,
    };
  });
  serve(app, { ...list, url: `${prefix}/api/me` }, async ({ principal }) => {
    const { id, name } = principal;
    const initials = name.slice(0, 2).toUpperCase();
    const identity = { username: id, name, display_name: name, initials, avatar_url: null, color: null };
    return { identity, permissions: {} };
  });

  /** The kernel that a session is to use. @throws DragomanError not_found, unsupported_language */
  async function kernelOf(
    desk: Desk,
    { id, name }: { id?: string | null | undefined; name?: string | null | undefined },
    path: string,
  ): Promise<Kernel> {
    if (!id) return kernels.create(desk, { name: name ?? undefined, path });
    const kernel = desk.kernels.get(id);
    if (!kernel) throw noKernel();
    return kernel;
  }
}

function sessionAt(desk: Desk, id: string): NotebookSession {
  const session = desk.sessions.get(id);
  if (!session) throw new DragomanError('not_found', { message: 'Session not found.' });
  return session;
}

function sessionModel(desk: Desk, { id, path, name, type, kernelId }: NotebookSession): Fields | undefined {
  const kernel = desk.kernels.get(kernelId);
  if (!kernel) return undefined;
  return { id, path, name, type, kernel: kernel.model, notebook: { path, name } };
}
