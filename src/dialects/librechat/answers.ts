import { z } from 'zod';
import { idPattern } from '../../core/index.ts';
import { statistics } from './statistics.ts';

/** What the routes answer. The schemas describe it, for types and for the OpenAPI document; nothing is checked at run time. */

const id = z.string().regex(idPattern);

/** A session id under both of its names: old clients read one, current ones the other. */
const sessionIdFields = { session_id: id, storage_session_id: id };

export interface SessionIds {
  readonly session_id: string;
  readonly storage_session_id: string;
}

export function sessionIds(id: string): SessionIds {
  return { session_id: id, storage_session_id: id };
}

/** A file in the answer to `/exec`. */
const execFile = z
  .object({
    id,
    name: z.string(),
    ...sessionIdFields,
    modified_from: z
      .object({ id, ...sessionIdFields })
      .optional()
      .describe('The input a changed file was made from.'),
    inherited: z
      .literal(true)
      .optional()
      .describe('An input that is still what it was; clients do not download it again.'),
    kind: z.enum(['user', 'agent', 'skill']).optional(),
    resource_id: z.string().optional(),
    version: z.number().optional(),
  })
  .meta({ id: 'ExecFile' });

export type ExecFile = z.infer<typeof execFile>;

/** The answer to `/exec`, whatever became of the program. */
export const execAnswer = z
  .object({
    ...sessionIdFields,
    stdout: z.string(),
    stderr: z.string().describe('Ends in `[sandbox] <reason>` when a limit was reached.'),
    code: z.int().nullable().describe('Exit status; null when a signal or a limit ended the program.'),
    signal: z.string().nullable(),
    message: z.string().nullable().describe('The limit that was reached, in words.'),
    status: z
      .enum(['TO', 'OL', 'SG'])
      .nullable()
      .describe('`TO` time limit, `OL` standard output over its limit, `SG` memory limit.'),
    ...statistics,
    files: z.array(execFile).describe('New and changed files, then unchanged inputs.'),
    deleted_files: z.array(z.string()).optional().describe('Inputs that the program removed.'),
    runtime_session_id: id.optional().describe('The lasting session it ran in.'),
    runtime_status: z.enum(['new', 'reused']).optional().describe('`reused`: variables of earlier calls were there.'),
    artifact_delivery: z
      .object({
        code: z.literal('artifact_delivery_failed'),
        status: z.enum(['partial', 'failed']),
        attempted: z.int(),
        delivered: z.int(),
        failed: z.int(),
      })
      .optional()
      .describe('Present when files could not be stored.'),
  })
  .meta({ id: 'ExecAnswer' });

export type ExecAnswer = z.infer<typeof execAnswer>;

const stored = { id, fileId: id, filename: z.string() };

export const uploadAnswer = z
  .object({ message: z.literal('success'), ...sessionIdFields, files: z.array(z.object(stored)) })
  .meta({ id: 'UploadAnswer' });

const batchFile = z.union([
  z.object({ status: z.literal('success'), ...stored }),
  z.object({ status: z.literal('error'), filename: z.string(), error: z.string() }),
]);

export type BatchFile = z.infer<typeof batchFile>;

const batch = {
  files: z.array(batchFile),
  succeeded: z.int(),
  failed: z.int(),
  filesLimitReached: z.literal(true).optional(),
  maxFiles: z.int().optional(),
};

export const batchAnswer = z
  .object({ message: z.enum(['success', 'partial_success']), ...sessionIdFields, ...batch })
  .meta({ id: 'BatchAnswer' });

/** Nothing could be stored: status 400. */
export const batchRefusal = z
  .object({ message: z.literal('error'), error: z.string(), ...batch })
  .meta({ id: 'BatchRefusal' });

const listed = {
  id,
  fileId: id,
  ...sessionIdFields,
  name: z.string(),
  size: z.int().min(0),
  lastModified: z.iso.datetime(),
  etag: z.string().describe('sha256 of the content.'),
};

/** What `detail` chooses between. */
export const listAnswer = z
  .union([
    z.array(z.string()).describe('`simple`: `<session>/<file>.<ending>`'),
    z.array(z.object(listed)).describe('`summary`'),
    z
      .array(
        z.object({
          ...listed,
          metadata: z.object({ 'original-filename': z.string(), 'content-type': z.string() }),
          contentType: z.string(),
          versionId: z.null(),
        }),
      )
      .describe('`full`'),
    z
      .array(z.object({ ...listed, contentType: z.string(), read_only: z.literal(true).optional() }))
      .describe('`normalized`: `name` is the path'),
  ])
  .meta({ id: 'FileList' });

export const objectAnswer = z
  .object({ ...listed, originalFilename: z.string(), contentType: z.string(), readOnly: z.boolean() })
  .meta({ id: 'FileObject' });

export const deleteAnswer = z.object({ message: z.string(), ...sessionIdFields, fileId: id });
