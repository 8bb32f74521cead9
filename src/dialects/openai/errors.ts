import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { Refusal } from '../../assistant/index.ts';
import { DragomanError, type ErrorCode, errorCatalogue } from '../../core/index.ts';
import { type Answer, type Problem, problems, type UnknownAddress, type UnknownRequest } from '../../http/index.ts';
import { refusalWording } from './refusals.ts';
import type { OpenAIServices } from './services.ts';

/** An error that names the field it is about, or has a code of its own in this API. */
export class WireError extends DragomanError {
  readonly param: string | null;
  readonly wireCode: string | null;

  /** @param message a sentence for the caller */
  constructor(code: ErrorCode, message: string, about: { param?: string | undefined; wireCode?: string } = {}) {
    super(code, { message });
    this.param = about.param ?? null;
    this.wireCode = about.wireCode ?? null;
  }
}

/** A 400. */
export function invalid(message: string, param?: string, wireCode?: string): WireError {
  return new WireError('invalid_request', message, { param, ...(wireCode === undefined ? {} : { wireCode }) });
}

/** A 404. */
export function notFound(message: string): WireError {
  return new WireError('not_found', message);
}

const errorBody = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: 'OpenAIError' });

export type ErrorBody = z.infer<typeof errorBody>;

interface Wording {
  /** Absent: as the HTTP room has it. */
  readonly status?: number;
  readonly type?: string;
  readonly code?: string;
  readonly param?: string;
}

/**
 * Clients try 408, 409, 429 and every 5xx again by themselves, so what a second try cannot mend is another status
 * (openai-node and openai-python, `shouldRetry`).
 */
const wordings: Record<ErrorCode, Wording> = {
  invalid_request: {},
  unsupported_language: {},
  unauthorized: { code: 'invalid_api_key' },
  ambiguous_credentials: {},
  file_refused: { status: 404 },
  not_found: {},
  model_not_found: { code: 'model_not_found', param: 'model' },
  session_expired: { status: 400 },
  session_busy: {},
  conflict: { status: 400 },
  forbidden: {},
  upstream_failed: {},
  too_large: {},
  preview_refused: {},
  quota_exceeded: { code: 'quota_exceeded' },
  body_timeout: {},
  upload_timeout: {},
  rate_limited: { code: 'rate_limit_exceeded' },
  overloaded: {},
  sandbox_unavailable: {},
  storage_unavailable: {},
  shutting_down: {},
  cancelled: {},
  internal: {},
};

/** An error as OpenAI words one: all four keys, always. */
export function errorAnswer(error: unknown, problem: Problem): { status: number; body: ErrorBody; retry: boolean } {
  const { code, message } = problem;
  const wording = wordings[code];
  const status = wording.status ?? problem.status;
  const about = aboutOf(error);
  return {
    status,
    body: {
      error: {
        message: code === 'session_expired' ? 'Container is expired.' : (about.message ?? message),
        type: wording.type ?? typeOf(status),
        param: about.param ?? wording.param ?? null,
        code: about.code ?? foreignCodeOf(error) ?? wording.code ?? null,
      },
    },
    retry: error instanceof DragomanError ? error.retryable : errorCatalogue[code].retryable,
  };
}

function aboutOf(error: unknown): { message?: string; param?: string | null; code?: string | null } {
  if (error instanceof Refusal) return refusalWording(error);
  return error instanceof WireError ? { param: error.param, code: error.wireCode } : {};
}

function foreignCodeOf(error: unknown): string | undefined {
  return error instanceof DragomanError ? error.foreignCode : undefined;
}

function typeOf(status: number): string {
  if (status === 429) return 'rate_limit_exceeded';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

/** Formats every error of a scope, also those of the HTTP layer and of authentication. */
export function registerErrorFormat(app: FastifyInstance, { problem }: Pick<OpenAIServices, 'problem'>): void {
  app.setErrorHandler((error, _request, reply) => {
    const { status, body, retry } = errorAnswer(error, problem(error));
    if (!retry) reply.header('x-should-retry', 'false');
    return reply.code(status).send(body);
  });
}

/** What the API of OpenAI has, served here or not. */
const addresses =
  /^\/v1\/(?:assistants|audio|batches|chat|completions|containers|conversations|embeddings|evals|files|fine_tuning|images|model|models|moderations|realtime|responses|skills|threads|uploads|vector_stores|videos)(?:\/|$)/;

/** The 404 of an address of OpenAI's API that is not served. Its clients show the message of an error, and nothing without one. */
export function unknownAddress({ method, path }: UnknownRequest): UnknownAddress | undefined {
  if (!addresses.test(path)) return undefined;
  const message = `Unknown request URL: ${method} ${path.slice(0, 128)}. It is not served here.`;
  return {
    headers: { 'x-should-retry': 'false' },
    body: { error: { message, type: 'invalid_request_error', param: null, code: 'unknown_url' } },
  };
}

/** The error answers of an operation. */
export function errorAnswers(...statuses: readonly number[]): Record<number, Answer> {
  const content = { type: 'application/json', schema: errorBody };
  return Object.fromEntries(
    Object.entries(problems(...statuses)).map(([status, answer]) => [status, { ...answer, content }]),
  );
}
