import { z } from 'zod';
import type { UserFile } from '../../../assistant/index.ts';
import { seconds, wireId } from '../ids.ts';
import { listOf, listQuery } from '../lists.ts';

const purposes = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'] as const;

/** The part of an id that follows `file-`. The route holds the prefix, because another dialect has `/files/{id}`. */
export const fileParams = z.object({ suffix: z.string() });
export const contentParams = z.object({ file: z.string() });

export const filesQuery = listQuery.extend({
  limit: z.coerce.number().int().min(1).max(10_000).optional().describe('10 000 when absent.'),
  purpose: z.enum(purposes).optional(),
});

const day = 24 * 60 * 60;

/** The fields of the form. */
export const uploadFields = z.object({
  purpose: z.enum(purposes),
  'expires_after[anchor]': z.literal('created_at').optional(),
  'expires_after[seconds]': z.coerce
    .number()
    .int()
    .min(3600)
    .max(30 * day)
    .optional()
    .describe('At most the retention.'),
});

export const fileSchema = z
  .object({
    id: z.string(),
    object: z.literal('file'),
    bytes: z.int(),
    created_at: z.int(),
    expires_at: z.int(),
    filename: z.string(),
    purpose: z.enum(purposes),
    status: z.literal('processed'),
    status_details: z.null(),
  })
  .meta({ id: 'OpenAIFile' });

export const fileList = listOf(fileSchema);

export const fileDeleted = z.object({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) });

/** A file as clients read it. */
export function fileObject({ id, createdAt, expiresAt, name, bytes, purpose }: UserFile) {
  return {
    id: wireId('file', id),
    object: 'file' as const,
    bytes,
    created_at: seconds(createdAt),
    expires_at: seconds(expiresAt),
    filename: name,
    purpose,
    status: 'processed' as const,
    status_details: null,
  };
}
