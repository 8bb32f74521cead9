import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ErrorCode, Principal, RateClass } from '../core/index.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by authentication before the handler of a dialect runs. */
    principal: Principal;
    /**
     * Counts the request in a class that only its body tells, for a route without a class of its own.
     * @throws DragomanError rate_limited
     */
    admit(rateClass: RateClass): void;
  }
  interface FastifyContextConfig {
    /** Which rate limit of the principal's plan counts requests of this route. */
    rateClass?: RateClass;
  }
}

/** An error as HTTP sees it, before a dialect formats it. */
export interface Problem {
  readonly code: ErrorCode;
  /** Default HTTP status of the code, or the 4xx that the HTTP layer chose (415, for example). */
  readonly status: number;
  /** A sentence for the caller. */
  readonly message: string;
  /** Whole seconds. `Retry-After` is set from it before an error handler runs. */
  readonly retryAfterSeconds: number | undefined;
  /** Which of several causes of its code it is. */
  readonly reason?: string;
}

/** A request for an address that no route has. */
export interface UnknownRequest {
  readonly method: string;
  /** Has no query and keeps its `/v1`. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly id: string;
}

/** A request before it is routed. */
export interface Readdressed {
  readonly headers: IncomingHttpHeaders;
  /** Path and query, without `/v1`. */
  readonly url: string;
  /** The same with its `/v1`, if it came with one. */
  readonly shown: string;
}

/** What a dialect answers for an address that no route has. */
export interface UnknownAddress {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}

/**
 * A wire API, made by its factory from the services it uses. Its routes are mounted once, behind authentication; `/v1` in
 * front of an address is removed before routing. It may set an error handler of its own: `Retry-After` and `WWW-Authenticate`
 * are set, and our own faults are logged, before that runs. A streaming response writes something at least once a minute: a
 * connection on which nothing moves is closed.
 */
export interface Dialect {
  readonly name: string;
  /** Heading of its routes on the reference page. */
  readonly title?: string;
  /** Its routes are for keys with the right `admin` alone. */
  readonly isForOperators?: true;
  /** Its makers describe it: the OpenAPI document does not repeat that. */
  readonly isDescribedElsewhere?: true;
  register(app: FastifyInstance): void | Promise<void>;
  /** Below this path `?token=` and `Authorization: token …` are credentials too, because clients of this API can send nothing else. */
  readonly tokenPrefix?: string;
  /**
   * Tells by its headers that a request is from a client of this API. Such a request gets the dialect's routes with the constraint
   * `dialect` (its name) where other dialects have the same addresses.
   */
  claims?(headers: IncomingHttpHeaders): boolean;
  /**
   * Where a request goes that belongs to this API by more than its path: by a header, by its host name, or by a path that another API
   * has as well. Asked before routing, in the order of the dialects; the first that answers is right.
   * @returns path and query to route by, under a prefix of the dialect's own
   */
  readdress?(request: Readdressed): string | undefined;
  /**
   * Tells who sends a request with a credential that is the dialect's own, such as the token of one sandbox. Undefined: the usual
   * credentials count. @throws DragomanError unauthorized
   */
  identify?(request: FastifyRequest): Promise<Principal | undefined>;
  /** The 404 of an unknown address, if it belongs to this API. */
  unknownAddress?(request: UnknownRequest): UnknownAddress | undefined;
}
