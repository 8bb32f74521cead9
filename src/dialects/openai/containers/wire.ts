import { z } from 'zod';
import { listOf, listQuery } from '../lists.ts';

/** The sizes of memory that the API knows. A plan may allow less. */
const memoryLimit = z.enum(['1g', '4g', '16g', '64g']);

/** Every policy is accepted; the answer says that there is no network. */
const networkPolicy = z
  .object({ type: z.enum(['disabled', 'allowlist']) })
  .describe('Accepted; containers have no network.');

export const fileIds = z.array(z.string()).max(100, 'must hold at most 100 files');

export const createBody = z.object({
  name: z.string().max(256, 'must be at most 256 characters'),
  expires_after: z
    .object({ anchor: z.literal('last_active_at'), minutes: z.int().min(1) })
    .nullish()
    .describe('Without use for so long it ends, files and all. At most what the operator allows.'),
  file_ids: fileIds.nullish().describe('Files of `/v1/files` to begin with.'),
  memory_limit: memoryLimit.nullish().describe('The plan’s limit when absent, and at most that.'),
  network_policy: networkPolicy.nullish(),
  skills: z.array(z.unknown()).max(0, 'skills are not served here').nullish(),
});

export const copyBody = z.object({ file_id: z.string() });

export const containerParams = z.object({ container: z.string() });
export const fileParams = z.object({ container: z.string(), cfile: z.string() });
export const containersQuery = listQuery.extend({ name: z.string().optional().describe('Only those of this name.') });

export const container = z
  .object({
    id: z.string(),
    object: z.literal('container'),
    created_at: z.int(),
    status: z.enum(['running', 'expired']),
    expires_after: z.object({ anchor: z.literal('last_active_at'), minutes: z.int() }),
    last_active_at: z.int(),
    memory_limit: memoryLimit,
    network_policy: z.object({ type: z.literal('disabled') }),
    name: z.string(),
  })
  .meta({ id: 'OpenAIContainer' });

export const containerList = listOf(container);
export const containerDeleted = z.object({
  id: z.string(),
  object: z.literal('container.deleted'),
  deleted: z.literal(true),
});

export const containerFile = z
  .object({
    id: z.string(),
    object: z.literal('container.file'),
    container_id: z.string(),
    created_at: z.int(),
    bytes: z.int(),
    path: z.string(),
    filename: z.string().describe('The last segment of the path.'),
    source: z.enum(['user', 'assistant']),
  })
  .meta({ id: 'OpenAIContainerFile' });

export const containerFileList = listOf(containerFile);
export const containerFileDeleted = z.object({
  id: z.string(),
  object: z.literal('container.file.deleted'),
  deleted: z.literal(true),
});
