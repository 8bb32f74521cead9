import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { z } from 'zod';
import { DragomanError, type RateClass } from '../core/index.ts';
import type { Content, Operation } from './operation.ts';
import { parse } from './parse.ts';

/**
 * A route: where it is, what it accepts, what it answers. The schemas of `params`, `query` and a JSON `body` check requests and
 * describe them in the OpenAPI document. `headers`, and bodies of other types, are described only: the handler reads them.
 */
export interface Route extends Operation {
  readonly method: HTTPMethods;
  readonly url: string;
  /** Absent: its handler chooses one for each request, or it is open. */
  readonly rateClass?: RateClass;
}

type Input<S> = S extends z.ZodType ? z.output<S> : undefined;

/** The checked parts of a request. */
export interface RouteInput<R extends Route> {
  readonly params: Input<R['params']>;
  readonly query: Input<R['query']>;
  readonly body: R['body'] extends { readonly schema: infer S; readonly unchecked?: undefined } ? Input<S> : unknown;
}

/**
 * Serves a route.
 * @param handle gets the checked input; it throws DragomanError for anything else that is wrong
 */
export function addRoute<R extends Route>(
  app: FastifyInstance,
  route: R,
  handle: (input: RouteInput<R>, request: FastifyRequest, reply: FastifyReply) => unknown,
): void {
  const { method, url, rateClass, params, query, body } = route;
  app.route({
    method,
    url,
    config: { ...(rateClass === undefined ? {} : { rateClass }), operation: route },
    handler: async (request, reply) => {
      const input = {
        params: params && parse(params, namedParams(request.params)),
        query: query && parse(query, request.query),
        body: body && bodyOf(body, request.body),
      };
      return handle(input as RouteInput<R>, request, reply);
    },
  });
}

function bodyOf({ type, schema, optional, aliases, unchecked }: Content, body: unknown): unknown {
  if (unchecked || type !== 'application/json') return body;
  if (body === undefined && !optional)
    throw new DragomanError('invalid_request', { message: 'The request needs a JSON body.' });
  return parse(schema, renamed(optional ? (body ?? {}) : body, aliases));
}

/** A body with the usual names of its fields; a field that is there under its usual name stays. */
function renamed(body: unknown, aliases: Content['aliases']): unknown {
  if (!aliases || typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const fields: Record<string, unknown> = { ...body };
  for (const [alias, name] of Object.entries(aliases)) if (Object.hasOwn(fields, alias)) fields[name] ??= fields[alias];
  return fields;
}

/** What a wildcard matched is the parameter `path`, as in the OpenAPI document. */
function namedParams(params: unknown): unknown {
  const { '*': path, ...named } = params as Record<string, string>;
  return path === undefined ? named : { ...named, path };
}
