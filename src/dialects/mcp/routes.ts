import type { FastifyInstance } from 'fastify';
import { DragomanError } from '../../core/index.ts';
import { addRoute, requestedRange, sendFile } from '../../http/index.ts';
import { Callers, sessionOf } from './caller.ts';
import { mcpRoutes } from './contract.ts';
import { DownloadLinks } from './download-links.ts';
import { agreedVersion, isModern } from './eras.ts';
import { InFlight } from './in-flight.ts';
import {
  errorMessage,
  RpcError,
  type RpcMessage,
  readMessage,
  resultMessage,
  rpcCodeOf,
  rpcCodes,
} from './json-rpc.ts';
import { McpSessions } from './mcp-sessions.ts';
import { initializeResult, methodOf, resultOf } from './methods.ts';
import { answerPreflight, originCheck } from './origins.ts';
import type { McpServices } from './services.ts';
import { ToolCalls } from './tool-call.ts';

/** Longer than any session lives. */
const mcpSessionLifeMs = 365 * 86_400_000;

/** The Model Context Protocol over Streamable HTTP, for clients of both eras at one address. */
export function addMcpRoutes(app: FastifyInstance, services: McpServices): void {
  const { mcp, metrics, now, problem, storedFiles, sessions: places } = services;
  const sessions = new McpSessions({ secret: mcp.secret, lifeMs: mcpSessionLifeMs, now });
  const downloads = new DownloadLinks({ publicUrl: mcp.publicUrl, secret: mcp.secret, now });
  const callers = new Callers(sessions, downloads, mcp.links);
  const inFlight = new InFlight(services.namedRequests);
  const calls = new ToolCalls(services, inFlight);
  metrics.gauge('mcp_calls_running', 'Calls of MCP tools by legacy clients under way', () => inFlight.size);
  app.addHook('onRequest', originCheck(mcp.origins));
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof RpcError) return reply.code(error.status).send(errorMessage(null, error));
    const { status, code, message } = problem(error);
    return reply.code(status).send(errorMessage(null, { code: rpcCodeOf({ code, status }), message, data: undefined }));
  });

  addRoute(app, mcpRoutes.send, async ({ body }, request, reply) => {
    const message = readMessage(body);
    const id = message.kind === 'request' ? message.id : null;
    try {
      if (isInitialize(message) && !isModern(message, request.headers)) {
        request.admit('list');
        const version = agreedVersion(message.params.protocolVersion);
        reply.header('mcp-session-id', sessions.begin(request.principal, version));
        return resultMessage(message.id, initializeResult(version, services));
      }
      const caller = callers.of(message, request, reply);
      const { principal, legacy } = caller;
      if (message.kind !== 'request') {
        request.admit('list');
        if (legacy && message.kind === 'notification' && message.method === 'notifications/cancelled')
          inFlight.cancel(principal, legacy.id, message.params.requestId);
        return reply.code(202).send();
      }
      if (message.method === 'tools/call') return await calls.answer(caller, message, request, reply);
      const { run, rateClass, ttlMs } = methodOf(message, caller);
      request.admit(rateClass);
      const result = await run(services, caller, message.params);
      return resultMessage(message.id, resultOf(result, !legacy, services, ttlMs));
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      return reply.code(error.status).send(errorMessage(id, error));
    }
  });

  addRoute(app, mcpRoutes.listen, async (_input, _request, reply) =>
    reply
      .code(405)
      .header('allow', 'POST, DELETE')
      .send(errorMessage(null, { code: rpcCodes.server, message: 'Method not allowed.', data: undefined })),
  );

  addRoute(app, mcpRoutes.end, async (_input, request, reply) => {
    sessions.end(request.principal, sessionOf(request, sessions));
    return reply.code(204).send();
  });

  addRoute(app, mcpRoutes.download, async ({ params: { token } }, request, reply) => {
    const linked = downloads.read(token);
    if (!linked) throw gone();
    const { principal, ...ref } = linked;
    const opened = await storedFiles.open(principal, { ...ref, scope: { kind: 'unclaimed' } }, requestedRange(request));
    const { name } = opened.file;
    // A file that was replaced is still what was linked; one that was removed is not to be had any more.
    const isThere = (await places.files(principal, ref.sessionId)).some((file) => file.name === name);
    if (!isThere) {
      opened.content.destroy();
      throw gone();
    }
    // What code made is never shown as a page of this service.
    reply.header('content-security-policy', "sandbox; default-src 'none'").header('cache-control', 'private, no-store');
    return sendFile(reply, opened, name.slice(name.lastIndexOf('/') + 1));
  });

  addRoute(app, mcpRoutes.preflight, async (_input, _request, reply) => answerPreflight(reply));
}

const gone = () => new DragomanError('not_found', { message: 'This address leads to no file, or its time is over.' });

function isInitialize(message: RpcMessage): message is Extract<RpcMessage, { kind: 'request' }> {
  return message.kind === 'request' && message.method === 'initialize';
}
