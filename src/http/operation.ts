import { z } from 'zod';

/** What a body holds, on the wire. */
export interface Content {
  /** Media type. */
  readonly type: string;
  readonly schema: z.ZodType;
  readonly example?: unknown;
  /** A request may leave the body out: that is the same as an empty object. */
  readonly optional?: true;
  /** Other names of fields of a JSON body, with the names they stand for. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** The handler checks the body itself, because it chooses between schemas. */
  readonly unchecked?: true;
}

export interface Answer {
  readonly description: string;
  readonly content?: Content;
  /** What a caller gets instead if it asks for that, by `Accept` or in the request. */
  readonly alternative?: Content;
  readonly headers?: Readonly<Record<string, z.ZodType>>;
}

/** A route's part of the OpenAPI document. Schemas describe what is on the wire. */
export interface Operation {
  /** Unique; generated clients use it as a name. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Path parameters, query and headers by name. */
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: Content;
  /** Every answer, by status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Needs no credential. */
  readonly open?: true;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    operation?: Operation;
    /** A route that is not described needs no credential. */
    isOpen?: true;
    /** The route is another way to a described one, or refuses: the OpenAPI document leaves it out. */
    isUndescribed?: true;
    /** Title of the dialect the route belongs to. */
    dialect?: string;
  }
}

/** The body of an error of this API and of LibreChat's. */
const problem = z
  .strictObject({
    error: z.string().describe('A sentence; or a code for programs, with the sentence in `message`.'),
    message: z.string().optional(),
    reason: z.string().optional().describe('Which of several causes it is, as a word for programs.'),
    retry_after_seconds: z.int().optional(),
  })
  .meta({ id: 'Problem' });

const reasons: Readonly<Record<number, string>> = {
  400: 'The request is malformed, or carries two different credentials.',
  401: 'No valid credential.',
  403: 'A file that the request names was not found or is not the caller’s.',
  404: 'Not found, or not the caller’s.',
  408: 'The body took too long to arrive.',
  409: 'A conflict with an earlier request, or an execution profile that is not served.',
  410: 'The session has expired.',
  413: 'A body, a file or a number of files is over its limit.',
  415: 'Unsupported type of body.',
  422: 'There is no preview of this file: `reason` says why.',
  429: 'Too many requests, or too much sent at once.',
  500: 'An error of the service.',
  502: 'The model provider failed.',
  503: 'No capacity in time, no sandbox, no storage, or the service is shutting down.',
  504: 'The upload took too long to arrive.',
};

const retryAfter = { 'Retry-After': z.int().describe('Seconds after which it makes sense to try again.') };

/** The error answers of an operation, by status. */
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
