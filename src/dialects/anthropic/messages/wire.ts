import { z } from 'zod';

/** A block of a message. What each type must have is checked where it is read. */
export type InBlock = Readonly<Record<string, unknown>> & { readonly type: string };

const inBlock = z.looseObject({ type: z.string().max(64) });
const content = z.union([z.string(), z.array(inBlock)]);

const inMessage = z.looseObject({ role: z.enum(['user', 'assistant', 'system']), content });

export type InMessage = z.infer<typeof inMessage>;

const toolSchema = z.looseObject({
  type: z.string().max(64).nullish(),
  name: z.string().max(256).optional(),
  description: z.string().nullish(),
  input_schema: z.looseObject({}).optional(),
  strict: z.boolean().nullish(),
  allowed_callers: z.array(z.string().max(64)).max(16).nullish(),
});

export type ToolParam = z.infer<typeof toolSchema>;

const toolChoice = z.looseObject({
  type: z.enum(['auto', 'any', 'tool', 'none']),
  name: z.string().optional(),
  disable_parallel_tool_use: z.boolean().nullish(),
});

const container = z.union([
  z.string().max(256),
  z.looseObject({ id: z.string().max(256).nullish(), skills: z.array(z.looseObject({})).nullish() }),
]);

const format = z.looseObject({ type: z.literal('json_schema'), schema: z.looseObject({}) });

const shared = z.looseObject({
  model: z.string().min(1).max(256),
  messages: z.array(inMessage).min(1, 'at least one message is required').max(100_000),
  system: content.nullish(),
  tools: z.array(toolSchema).max(1000).nullish(),
  tool_choice: toolChoice.nullish(),
  thinking: z.looseObject({ type: z.enum(['adaptive', 'enabled', 'disabled']) }).nullish(),
  output_config: z.looseObject({ effort: z.string().max(32).nullish(), format: format.nullish() }).nullish(),
});

export const messagesBody = shared
  .extend({
    max_tokens: z.int().min(1),
    container: container.nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    top_k: z.int().min(0).nullish(),
    stop_sequences: z.array(z.string()).max(64).nullish(),
    stream: z.boolean().nullish(),
  })
  .meta({ id: 'AnthropicMessageRequest' });

export type MessagesBody = z.infer<typeof messagesBody>;

export const countBody = shared.meta({ id: 'AnthropicCountRequest' });

export type CountBody = z.infer<typeof countBody>;

const usage = z.object({
  input_tokens: z.int(),
  output_tokens: z.int(),
  cache_creation_input_tokens: z.int(),
  cache_read_input_tokens: z.int(),
  cache_creation: z.null(),
  output_tokens_details: z.null(),
  server_tool_use: z.null(),
  service_tier: z.literal('standard'),
  inference_geo: z.null(),
  speed: z.null(),
});

export type Usage = z.infer<typeof usage>;

const containerInfo = z.object({ id: z.string(), expires_at: z.string(), skills: z.null() });

export type ContainerInfo = z.infer<typeof containerInfo>;

const stopReasons = ['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'pause_turn', 'refusal'] as const;

export type StopReason = (typeof stopReasons)[number];

export const messageSchema = z
  .object({
    id: z.string(),
    type: z.literal('message'),
    role: z.literal('assistant'),
    model: z.string(),
    content: z
      .array(z.looseObject({ type: z.string() }))
      .describe('`text`, `thinking`, `tool_use`, `server_tool_use`, and results of the code tools.'),
    stop_reason: z.enum(stopReasons).nullable(),
    stop_sequence: z.string().nullable(),
    stop_details: z.null(),
    container: containerInfo.nullable(),
    diagnostics: z.null(),
    usage,
  })
  .meta({ id: 'AnthropicMessage' });

export type Message = z.infer<typeof messageSchema>;

/** Who called a tool: the model, or code of a call of the code tool. */
export type Caller = { readonly type: 'direct' } | { readonly type: string; readonly tool_id: string };

/** A block of an answer. */
export type OutBlock =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | {
      readonly type: 'server_tool_use' | 'tool_use';
      readonly id: string;
      readonly name: string;
      readonly input: Readonly<Record<string, unknown>>;
      readonly caller: Caller;
    }
  | ResultBlock;

export interface ResultBlock {
  readonly type: `${ToolName}_tool_result`;
  readonly tool_use_id: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Our tools, by the names that models and clients know. */
const toolNames = ['code_execution', 'bash_code_execution', 'text_editor_code_execution'] as const;

export type ToolName = (typeof toolNames)[number];

export function isToolName(name: string): name is ToolName {
  return toolNames.some((known) => known === name);
}
