import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { z } from 'zod';
import { DragomanError, type RateClass } from '../core/index.ts';
import type { Content, Operation } from './operation.ts';
import { parse } from './parse.ts';

/** Where a route is and what it accepts. The schemas of `params`, `query` and a JSON `body` check requests. */
export interface AcceptedRoute extends Pick<Operation, 'params' | 'query' | 'body' | 'open'> {
  readonly method: HTTPMethods;
  readonly url: string;
  /** Absent: its handler chooses one for each request, or it is open. */
  readonly rateClass?: RateClass;
}

/**
 * A route that the OpenAPI document describes, by the schemas that check its requests and by what it answers. `headers`, and bodies of
 * types other than JSON, are described only: the handler reads them.
 */
export interface Route extends AcceptedRoute, Operation {}

type Input<S> = S extends z.ZodType ? z.output<S> : undefined;

/** The checked parts of a request. */
export interface RouteInput<R extends AcceptedRoute> {
  readonly params: Input<R['params']>;
  readonly query: Input<R['query']>;
  readonly body: R['body'] extends { readonly schema: infer S; readonly unchecked?: undefined } ? Input<S> : unknown;
}

/**
 * Serves a route.
 * @param handle gets the checked input; it throws DragomanError for anything else that is wrong
 */
export function addRoute<R extends AcceptedRoute>(
  app: FastifyInstance,
  route: R,
  handle: (input: RouteInput<R>, request: FastifyRequest, reply: FastifyReply) => unknown,
): void {
  const { method, url, rateClass, params, query, body } = route;
  app.route({
    method,
    url,
    config: {
      ...(rateClass !== undefined && { rateClass }),
      ...(isDescribed(route) ? { operation: route } : route.open && { isOpen: true }),
    },
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

function isDescribed(route: AcceptedRoute): route is Route {
  return 'answers' in route;
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
