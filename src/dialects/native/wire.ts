import { z } from 'zod';
import { idPattern, tiers } from '../../core/index.ts';
import { previewForms } from '../../service/index.ts';

/** What clients send. Keys that are not named here are ignored. */

/** Most input files of one request. */
const maxFiles = 256;
const maxArgs = 10_000;
const maxTools = 128;
/** Most answers to tool calls in one request. */
const maxResults = 1000;
const maxMetadata = 16;
/** Code that is asked about, in UTF-16 units. */
const maxQuestionChars = 256 * 1024;
const longestMs = 30 * 24 * 60 * 60_000;

export const id = z.string().regex(idPattern, 'must be 21 characters of A-Z, a-z, 0-9, "_" and "-"');

const milliseconds = z.int().positive().max(longestMs);

/** A stored file, and where it is to lie. */
export const fileReference = z
  .object({
    session_id: id.describe('The session the file is stored in: a live one, an upload or an execution.'),
    id,
    path: z.string().describe('Relative to the workspace, `/` between segments.'),
  })
  .meta({ id: 'NativeFileReference' });

export type FileReference = z.infer<typeof fileReference>;

const files = z.array(fileReference).max(maxFiles, `must hold at most ${maxFiles} files`);

const tool = z
  .object({
    name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]{0,127}$/),
    description: z.string().max(8192).optional(),
    parameters: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('JSON Schema of an object; absent: it takes nothing.'),
  })
  .meta({ id: 'Tool' });

/** Made ids, and the names of default kernels. */
const kernelId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the id of a kernel');

export const kernelBody = z
  .object({
    language: z.string().describe('A language that keeps variables, or one of its aliases.'),
    directory: z.string().nullish().describe('Where it starts, relative to the workspace; made if it is missing.'),
  })
  .meta({ id: 'KernelRequest' });

const isolation = z
  .enum(tiers)
  .describe(
    'What its sandbox is behind: one that the plan allows; absent: the one of the plan. A session keeps its own.',
  );

export const executionBody = z
  .object({
    language: z.string().describe('A language or one of its aliases, any case. `lang` is another name of this field.'),
    code: z.string().describe('A cell of a live session, or a whole program; at most 8 MiB.'),
    args: z.array(z.string()).max(maxArgs, `must be at most ${maxArgs}`).nullish(),
    stdin: z.string().nullish(),
    kernel_id: kernelId.nullish().describe('A kernel of the session; absent: the default one of the language.'),
    timeout_ms: milliseconds.nullish().describe('Wall clock; at most what the plan allows. Waiting for tools is free.'),
    isolation: isolation.nullish(),
    files: files.nullish().describe('Put into the workspace first.'),
    tools: z.array(tool).max(maxTools, `must be at most ${maxTools}`).nullish().describe('Tools the code may call.'),
  })
  .meta({ id: 'ExecutionRequest' });

export type ExecutionBody = z.infer<typeof executionBody>;

export const isCompleteBody = z
  .object({
    language: z.string().describe('A language that keeps variables, or one of its aliases.'),
    code: z.string().max(maxQuestionChars).describe('What is typed so far.'),
    kernel_id: kernelId.nullish().describe('A kernel of the session; absent: the default one of the language.'),
  })
  .meta({ id: 'IsCompleteRequest' });

export type IsCompleteBody = z.infer<typeof isCompleteBody>;

export const completionBody = isCompleteBody
  .extend({
    cursor: z.int().min(0).nullish().describe('Where it is to go on, in characters (code points); absent: at its end.'),
  })
  .meta({ id: 'CompletionRequest' });

/** As of the setting: with less no interpreter begins. */
const minMemoryBytes = 32 * 1024 * 1024;
const name = z.string().min(1).max(256);
const metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((entries) => Object.keys(entries).length <= maxMetadata, `must have at most ${maxMetadata} entries`);
const idleTimeout = milliseconds.describe(
  'The sandbox is let go after so long without use. At most what is configured.',
);

export const sessionBody = z
  .object({
    name: name.nullish(),
    idle_timeout_ms: idleTimeout.nullish(),
    lifetime_ms: milliseconds.nullish().describe('The session ends, files and all, after so long without use.'),
    memory_bytes: z.int().min(minMemoryBytes).nullish().describe('At most what the plan allows.'),
    isolation: isolation.nullish(),
    metadata: metadata.nullish(),
    files: files.nullish().describe('Stored files to begin with.'),
  })
  .meta({ id: 'SessionRequest' });

export type SessionBody = z.infer<typeof sessionBody>;

/** A copy begins with the files of the original, and has its isolation. */
export const forkBody = sessionBody
  .omit({ files: true, isolation: true })
  .extend({
    variables: z.boolean().optional().describe('With its variables, as far as they can be saved. Absent: yes.'),
    execution_id: z
      .string()
      .max(100)
      .nullish()
      .describe(
        'To know of nothing later than this execution. Where its variables were not saved the fork has files alone.',
      ),
  })
  .meta({ id: 'ForkRequest' });

export const sessionChange = z
  .object({
    name: name.nullish().describe('Null: no name.'),
    idle_timeout_ms: idleTimeout.optional(),
    metadata: metadata.optional().describe('Replaces what was there.'),
  })
  .meta({ id: 'SessionChange' });

export type SessionChange = z.infer<typeof sessionChange>;

const toolResult = z
  .object({
    id: z.string().min(1).max(256).describe('Of the call.'),
    value: z.unknown().optional().describe('Any JSON value; null when absent.'),
    error: z.string().max(65_536).nullish().describe('The call failed: an exception in the program.'),
  })
  .meta({ id: 'ToolResult' });

export const toolResultsBody = z
  .object({ results: z.array(toolResult).min(1).max(maxResults, `must be at most ${maxResults}`) })
  .meta({ id: 'ToolResultsRequest' });

export type ToolResultsBody = z.infer<typeof toolResultsBody>;

export const sessionParams = z.object({ session_id: id });
export const kernelParams = z.object({ session_id: id, kernel_id: kernelId });
export const executionParams = z.object({ execution_id: id });
export const cellParams = z.object({ session_id: id, execution_id: id });
export const fileParams = z.object({
  session_id: id,
  path: z.string().min(1).describe('Relative to the workspace. Slashes may be percent-encoded.'),
});

const position = z.coerce.number().int().max(1_000_000_000);

export const previewQuery = z.object({
  preview: z.enum(previewForms).optional().describe('A preview of the file in this form instead of its content.'),
  form: z.enum(previewForms).optional().describe('The form of a preview at `/preview`.'),
  page: position
    .min(1)
    .optional()
    .describe('Of a picture: the page, slide or frame, from 1. A last one stands for all behind it.'),
  sheet: position.min(1).optional().describe('The sheet of a workbook or table of a database, from 1.'),
  offset: position.min(0).optional().describe('The first row of a table, from 0.'),
  width: position.min(16).max(2048).optional().describe('Width of a picture in pixels; 480 when absent.'),
});

export type PreviewQuery = z.output<typeof previewQuery>;

export const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).optional().describe('20 when absent.'),
  after: id.optional().describe('Id of the last element of the page before.'),
  order: z.enum(['asc', 'desc']).optional().describe('By creation; `desc` when absent.'),
  name: name.optional().describe('Only those of exactly this name.'),
});

const day = z.iso.date();
export const usageQuery = z.object({
  from: day.optional().describe('First day, UTC; 30 days back when absent.'),
  to: day.optional().describe('Last day, UTC; today when absent.'),
});
