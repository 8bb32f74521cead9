import { z } from 'zod';

const text = z.string().max(4096);
const texts = z.record(z.string().max(256), text);
const seconds = z.number().int().min(0).max(1e9);

export const createBody = z.looseObject({
  templateID: text,
  timeout: seconds.nullish(),
  metadata: texts.nullish(),
  envVars: texts.nullish(),
  autoPause: z.boolean().nullish(),
  allow_internet_access: z.boolean().nullish(),
  network: z.looseObject({}).nullish(),
  volumeMounts: z.array(z.unknown()).nullish(),
  mcp: z.looseObject({}).nullish(),
  iam: z.unknown().optional(),
});
export type CreateBody = z.infer<typeof createBody>;

export const networkBody = z.looseObject({});
export const connectBody = z.looseObject({ timeout: seconds.nullish() });
export const timeoutBody = z.looseObject({ timeout: seconds });
export const refreshBody = z.looseObject({ duration: seconds.nullish() });
export const pauseBody = z.looseObject({ memory: z.boolean().nullish() });
/** Seconds since the epoch. */
export const spanQuery = z.object({ start: z.coerce.number().optional(), end: z.coerce.number().optional() });
export const sandboxParams = z.object({ sandbox_id: z.string() });
export const listQuery = z.looseObject({
  metadata: z.string().max(65_536).optional(),
  state: z.union([z.string(), z.array(z.string())]).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  nextToken: z.string().max(64).optional(),
  order: z.enum(['asc', 'desc']).default('desc'),
  startedAfter: z.string().max(64).optional(),
  template: z.string().max(256).optional(),
});

export const filesQuery = z.looseObject({
  path: z.string().max(4096).optional(),
  username: z.string().max(256).optional(),
  signature: z.string().max(256).optional(),
  signature_expiration: z.string().max(32).optional(),
});
export const executeBody = z.looseObject({
  code: z.string(),
  context_id: z.string().max(128).nullish(),
  language: z.string().max(64).nullish(),
  env_vars: texts.nullish(),
});
export const contextBody = z.looseObject({ language: z.string().max(64).nullish(), cwd: text.nullish() });
export const contextParams = sandboxParams.extend({ context_id: z.string() });
