import { z } from 'zod';

/** What a body holds, on the wire. */
export interface Content {
  /** Media type. */
  readonly type: string;
  readonly schema: z.ZodType;
  readonly example?: unknown;
}

export interface Answer {
  readonly description: string;
  readonly content?: Content;
  /** What callers get instead when they ask for it, by `Accept` or in the request. */
  readonly alternative?: Content;
  readonly headers?: Readonly<Record<string, z.ZodType>>;
}

/**
 * A route's part of the OpenAPI document, given in its options: `{ config: { operation } }`. Schemas describe what is on the
 * wire; nothing of this is looked at while a request is served.
 */
export interface Operation {
  /** Unique name, for generated clients. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Path parameters, query and headers by name. */
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: Content;
  /** Every answer there is, by status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Answers without a credential. */
  readonly open?: true;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    operation?: Operation;
    /** Title of the dialect the route belongs to. */
    dialect?: string;
  }
}

/** The body of every error, whoever words it. */
const problem = z
  .strictObject({
    error: z.string().describe('A sentence; or a code for programs, with the sentence in `message`.'),
    message: z.string().optional(),
    retry_after_seconds: z.int().optional(),
  })
  .meta({ id: 'Problem' });

const reasons: Readonly<Record<number, string>> = {
  400: 'The request is malformed, or carries two different credentials.',
  401: 'No valid credential.',
  403: 'A file the request names does not exist or is not the caller’s.',
  404: 'There is no such thing, or it is not the caller’s.',
  408: 'The body took too long to arrive.',
  409: 'It contradicts what was done before, or the service cannot serve the requested execution profile.',
  410: 'The session is expired.',
  413: 'A body, a file or a number of files is over its limit.',
  415: 'The body is of a type that is not understood here.',
  429: 'Too many requests, or too much sent at once.',
  500: 'A fault of the service.',
  502: 'The model provider failed.',
  503: 'No place to run in time, no sandbox, no storage, or the service is shutting down.',
  504: 'The upload took too long to arrive.',
};

const retryAfter = { 'Retry-After': z.int().describe('Seconds after which it makes sense to try again.') };

/** The answers an operation has beside its own. */
export function problems(...statuses: readonly (keyof typeof reasons)[]): Record<number, Answer> {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: reasons[status]!,
        content: { type: 'application/json', schema: problem },
        ...(status === 429 || status === 503 ? { headers: retryAfter } : {}),
      },
    ]),
  );
}
