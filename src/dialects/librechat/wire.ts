import { z } from 'zod';
import { idPattern } from '../../core/index.ts';
import { resourceId } from './scopes.ts';

/** Most input files of one execution. */
const maxRefs = 256;
/** Most arguments: counted before they are looked at, because wrong ones would each cost a message. */
const maxArgs = 10_000;

const text = z.string().nullish();

/**
 * An input file of `/exec`, as any client generation sends it. The oldest say `session_id`, the current ones
 * `storage_session_id`; only the current ones say whose file it is (`kind`, `resource_id`, `version`).
 */
const fileRef = z
  .object({
    id: z.string(),
    name: z.string(),
    storage_session_id: text,
    session_id: text,
    kind: text,
    resource_id: text,
    version: z.union([z.number(), z.string()]).nullish(),
    entity_id: text,
  })
  .meta({ id: 'FileReference' });

export type WireFileRef = z.infer<typeof fileRef>;

/** What is below 100 is refused with a sentence by `wallMsOf`. */
export const timeout = z.number().positive().nullish().meta({ minimum: 100 });

/** The body of `/exec`. Keys not named here are sent by every recent client and are ignored. */
export const execBody = z
  .object({
    lang: z.string().describe('A language or one of its aliases, any case. `language` is another name of this field.'),
    code: z.string().describe('A whole program, at most 8 MiB.'),
    args: z.array(z.string()).max(maxArgs, `must be at most ${maxArgs}`).nullish(),
    files: z.array(fileRef).max(maxRefs, `must hold at most ${maxRefs} files`).nullish(),
    runtime_session_hint: z
      .unknown()
      .optional()
      .describe('Names the lasting session to run in, for clients of the profile `stateful`; ignored with `default`.'),
    session_id: z
      .unknown()
      .optional()
      .describe('Of an earlier answer. Its variables go on where `keep_variables` says so, or the operator does.'),
    keep_variables: z
      .boolean()
      .nullish()
      .describe('Whether the code runs in a session that keeps its variables: the one of `session_id`, or a new one.'),
    timeout: timeout.describe('Milliseconds of wall clock; at most what the plan allows.'),
  })
  .meta({ id: 'ExecRequest' });

export type ExecBody = z.infer<typeof execBody>;

const form = 'must be 21 characters of A-Z, a-z, 0-9, "_" and "-"';
const id = z.string().regex(idPattern, form);

/** Anthropic's API has files at the same address, for requests with its header. */
const messageFile = 'names a file of the Messages API: send the header anthropic-version with it';

export const sessionParams = z.object({
  sid: z.string().regex(idPattern, { error: ({ input }) => (/^file_/.test(String(input)) ? messageFile : form) }),
});
export const fileParams = z.object({ sid: id, fid: id });

/**
 * Whose file is meant. The oldest clients send nothing, or `entity_id`. An empty value is the same as none, so a schema
 * describes fewer values than the routes accept; `fileScope` checks them.
 */
export const identityQuery = z.object({
  kind: z
    .string()
    .optional()
    .meta({ enum: ['user', 'agent', 'skill'] }),
  id: z.string().optional().meta({ pattern: resourceId.source }).describe('The agent or skill.'),
  version: z.string().optional().describe('Of a skill: a number.'),
  entity_id: z
    .string()
    .optional()
    .meta({ pattern: resourceId.source })
    .describe('The oldest clients’ word for an agent.'),
});

export const listQuery = identityQuery.extend({
  detail: z
    .string()
    .optional()
    .meta({ enum: ['simple', 'summary', 'full', 'normalized'] }),
});
