import { z } from 'zod';

const text = z.string().max(4096);
const texts = z.record(z.string().max(256), text);

export const createBody = z.looseObject({
  image: z.looseObject({ uri: text }).optional(),
  entrypoint: z.array(text).max(100).nullish(),
  timeout: z.number().int().min(1).max(1e9).nullish(),
  resourceLimits: z.record(z.string().max(64), z.union([z.string().max(64), z.number()])).nullish(),
  networkPolicy: z
    .looseObject({ defaultAction: z.string().max(16).optional(), egress: z.array(z.unknown()).max(1000).nullish() })
    .nullish(),
  env: z.record(z.string().max(256), text.nullable()).nullish(),
  metadata: texts.nullish(),
  volumes: z.array(z.unknown()).nullish(),
  snapshotId: text.nullish(),
  credentialProxy: z.looseObject({ enabled: z.boolean().optional() }).nullish(),
  platform: z.looseObject({ os: z.string().optional() }).nullish(),
});

export type CreateBody = z.infer<typeof createBody>;

export const sandboxParams = z.object({ sandbox_id: z.string() });
export const endpointParams = sandboxParams.extend({ port: z.coerce.number().int().min(1).max(65_535) });
export const contextParams = sandboxParams.extend({ context_id: z.string() });
export const listQuery = z.looseObject({
  state: z.union([z.string(), z.array(z.string())]).optional(),
  metadata: z.string().max(65_536).optional(),
  page: z.coerce.number().int().min(1).default(1),
  pageSize: z.coerce.number().int().min(1).max(1000).default(20),
});
export const languageQuery = z.looseObject({ language: z.string().max(64).optional() });
export const idQuery = z.looseObject({ id: z.string().max(128).optional() });
export const renewBody = z.looseObject({ expiresAt: z.iso.datetime({ offset: true }) });
export const metadataBody = z.record(z.string().max(256), text.nullable());
export const codeBody = z.looseObject({
  code: z.string(),
  context: z.looseObject({ id: z.string().max(128).nullish(), language: z.string().max(64).nullish() }).nullish(),
});
export const contextBody = z.looseObject({ language: z.string().max(64).nullish(), cwd: text.nullish() });

const whole = z.coerce.number().int().min(0);
export const commandBody = z.looseObject({
  command: z.union([z.string().min(1), z.array(z.string()).min(1).max(10_000)]),
  cwd: text.nullish(),
  background: z.boolean().nullish(),
  timeout: z.number().int().min(0).max(1e12).nullish(),
  uid: z.number().int().nullish(),
  gid: z.number().int().nullish(),
  envs: texts.nullish(),
});
export const commandParams = sandboxParams.extend({ command_id: z.string() });
export const cursorQuery = z.looseObject({ cursor: whole.default(0) });
const pathQuery = z.looseObject({ path: text });
export const pathsQuery = z.looseObject({
  path: z
    .union([text, z.array(text).max(1000)])
    .transform((paths) => [paths].flat())
    .describe('May be there several times.'),
});
export const downloadQuery = pathQuery.extend({ offset: whole.optional(), limit: whole.optional() });
export const directoryQuery = z.looseObject({ path: text.default(''), depth: whole.max(100).default(1) });
export const searchQuery = z.looseObject({ path: text.default(''), pattern: z.string().max(1024).default('**') });
export const moveBody = z.array(z.looseObject({ src: text, dest: text })).max(1000);
export const directoriesBody = z.record(text, z.looseObject({}).nullable());
export const uploadMetadata = z.looseObject({
  path: text.min(1),
  mode: z.union([z.number().int(), z.string()]).transform(Number).pipe(z.int().min(0).max(7777)).nullish(),
});
