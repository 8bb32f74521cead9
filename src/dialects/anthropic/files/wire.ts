import { z } from 'zod';
import type { UserFile } from '../../../assistant/index.ts';
import { timestamp, wireId } from '../ids.ts';

/** What code made. Uploads have another purpose: clients cannot fetch them from here. */
const made = 'output';

export const filesQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).optional().describe('20 when absent.'),
  page: z.string().max(64).optional().describe('`next_page` of the page before.'),
  after_id: z.string().max(64).optional(),
  before_id: z.string().max(64).optional(),
  scope_id: z.string().max(256).optional(),
  ids: z.array(z.string().max(64)).max(100).optional().describe('These files alone. Sent as `ids[]=…`.'),
});

export const fileParams = z.object({ file_id: z.string().max(256) });

const day = 24 * 60 * 60;

/** The fields of the form. */
export const uploadFields = z.looseObject({
  expires_in_seconds: z.coerce
    .number()
    .int()
    .min(3600)
    .max(90 * day)
    .optional()
    .describe('At most the retention.'),
});

export const fileSchema = z
  .object({
    type: z.literal('file'),
    id: z.string(),
    filename: z.string(),
    mime_type: z.string(),
    size_bytes: z.int(),
    created_at: z.string(),
    downloadable: z.boolean(),
    expires_at: z.string(),
  })
  .meta({ id: 'AnthropicFile' });

export const fileList = z.object({
  data: z.array(fileSchema),
  next_page: z.string().nullable(),
  has_more: z.boolean(),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
});

export const fileDeleted = z.object({ id: z.string(), type: z.literal('file_deleted') });

/** A file as clients read it. */
export function fileObject(file: UserFile) {
  return {
    type: 'file' as const,
    id: wireId('file', file.id),
    filename: file.name.split('/').at(-1)!,
    mime_type: file.contentType,
    size_bytes: file.bytes,
    created_at: timestamp(file.createdAt),
    downloadable: isDownloadable(file),
    expires_at: timestamp(file.expiresAt),
  };
}

export function isDownloadable({ purpose }: UserFile): boolean {
  return purpose === made;
}
