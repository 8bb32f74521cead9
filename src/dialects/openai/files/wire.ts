import { z } from 'zod';
import { listOf, listQuery } from '../lists.ts';
import { purposes } from './records.ts';

/** The part of an id that follows `file-`: the addresses hold the prefix themselves, because others share `/files/{id}`. */
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

export const fileObject = z
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

export const fileList = listOf(fileObject);

export const fileDeleted = z.object({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) });
