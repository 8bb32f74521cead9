import { z } from 'zod';
import type { Assistant } from '../../../assistant/index.ts';
import { seconds, wireId } from '../ids.ts';
import { listOf } from '../lists.ts';

/** When code runs: when the model decides so, always first, or never. */
const mode = z.enum(['auto', 'on', 'off']);

export type Mode = z.infer<typeof mode>;

const codeTool = z.object({ type: z.literal('code_interpreter'), mode: mode.nullish() });

const onlyCode = (issue: { code?: string }) =>
  issue.code === 'invalid_union' || issue.code === 'invalid_value' ? 'only code_interpreter is served here' : undefined;

/** A list of tools, or modes by tool: the two forms in which clients send them. */
export const tools = z.union([
  z.array(z.discriminatedUnion('type', [codeTool], { error: onlyCode })).max(16),
  z.object({ code_interpreter: z.union([mode, z.object({ mode: mode.nullish() })]).nullish() }),
]);

export type Tools = z.infer<typeof tools>;

/** Undefined when there is no tool, which differs from a tool that is off. */
export function modeOf(given: Tools | null | undefined): Mode | undefined {
  if (!given) return undefined;
  if (Array.isArray(given)) return given.length > 0 ? (given[0]!.mode ?? 'auto') : undefined;
  const { code_interpreter: code } = given;
  if (code === null || code === undefined) return undefined;
  return typeof code === 'string' ? code : (code.mode ?? 'auto');
}

const metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'must have at most 16 pairs');

const fileIds = z.array(z.string().max(64)).max(100);

/** What an assistant is. */
const assistantSettings = z.object({
  name: z.string().max(256).nullable(),
  description: z.string().max(512).nullable(),
  model: z.string().min(1).max(256),
  instructions: z.string().max(256_000).nullable(),
  tools: z.array(codeTool).max(1),
  files: fileIds,
  metadata,
  temperature: z.number().min(0).max(2).nullable(),
  top_p: z.number().min(0).max(1).nullable(),
});

const { name, description, model, instructions, temperature, top_p } = assistantSettings.shape;

const optional = {
  name: name.optional(),
  description: description.optional(),
  instructions: instructions.optional(),
  tools: tools.nullish(),
  files: fileIds.nullish().describe('Files of `/v1/files` its code finds.'),
  tool_resources: z.object({ code_interpreter: z.object({ file_ids: fileIds.nullish() }).nullish() }).nullish(),
  metadata: metadata.nullish(),
  temperature: temperature.optional(),
  top_p: top_p.optional(),
};

export const createBody = z.object({ model, ...optional }).meta({ id: 'AssistantRequest' });
export const updateBody = z.object({ model: model.optional(), ...optional }).meta({ id: 'AssistantChange' });

export type AssistantChange = z.infer<typeof updateBody>;

export const assistantParams = z.object({ assistant: z.string() });

export const assistant = assistantSettings
  .extend({
    id: z.string(),
    object: z.literal('assistant'),
    created_at: z.int(),
    tool_resources: z.object({ code_interpreter: z.object({ file_ids: fileIds }) }),
  })
  .meta({ id: 'Assistant' });

export const assistantList = listOf(assistant);
export const assistantDeleted = z.object({
  id: z.string(),
  object: z.literal('assistant.deleted'),
  deleted: z.literal(true),
});

/** An assistant as clients read it. `tool_resources` repeats `files` for clients of OpenAI's. */
export function assistantObject({ id, createdAt, settings }: Assistant) {
  const { files, ...rest } = settings;
  return {
    id: wireId('assistant', id),
    object: 'assistant' as const,
    created_at: seconds(createdAt),
    ...rest,
    files,
    tool_resources: { code_interpreter: { file_ids: files } },
  };
}
