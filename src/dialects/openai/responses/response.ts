import { z } from 'zod';
import type { TokenUsage } from '../../../agent/index.ts';
import type { ResponseError, ResponseState } from '../../../assistant/index.ts';
import { seconds, toWire, wireId } from '../ids.ts';
import { outputItem } from './items.ts';
import type { ResponseBody } from './request.ts';
import { wireOutputItem } from './translate.ts';

export const usage = z
  .object({
    input_tokens: z.int(),
    input_tokens_details: z.object({ cached_tokens: z.int(), cache_write_tokens: z.int() }),
    output_tokens: z.int(),
    output_tokens_details: z.object({ reasoning_tokens: z.int() }),
    total_tokens: z.int(),
  })
  .meta({ id: 'ResponseUsage' });

export const responseStatus = z.enum(['queued', 'in_progress', 'completed', 'failed', 'incomplete', 'cancelled']);

/** A response. Every key is there always: clients read them unguarded. */
export const responseObject = z
  .object({
    id: z.string(),
    object: z.literal('response'),
    created_at: z.int(),
    status: responseStatus,
    background: z.boolean(),
    completed_at: z.int().nullable(),
    error: z
      .object({ code: z.string(), message: z.string(), type: z.string(), param: z.string().nullable() })
      .nullable(),
    incomplete_details: z.object({ reason: z.enum(['max_output_tokens', 'content_filter']) }).nullable(),
    instructions: z.string().nullable(),
    max_output_tokens: z.int().nullable(),
    max_tool_calls: z.int().nullable(),
    metadata: z.record(z.string(), z.string()),
    model: z.string(),
    output: z.array(outputItem),
    parallel_tool_calls: z.boolean(),
    previous_response_id: z.string().nullable(),
    conversation: z.object({ id: z.string() }).nullable().describe('The one it belongs to, if it belongs to any.'),
    prompt_cache_key: z.string().nullable(),
    reasoning: z.object({ effort: z.string().nullable(), summary: z.string().nullable() }),
    safety_identifier: z.string().nullable(),
    service_tier: z.string(),
    store: z.boolean(),
    temperature: z.number(),
    text: z.object({ format: z.looseObject({ type: z.string() }), verbosity: z.string() }),
    tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]),
    tools: z.array(z.looseObject({ type: z.string() })),
    top_logprobs: z.int(),
    top_p: z.number(),
    truncation: z.string(),
    usage: usage.nullable(),
    user: z.string().nullable(),
    access_programs: z.null(),
  })
  .meta({ id: 'Response' });

export type ResponseObject = z.infer<typeof responseObject>;

/** The fields of a response that repeat its request. */
export type Echo = Pick<
  ResponseObject,
  | 'instructions'
  | 'max_output_tokens'
  | 'max_tool_calls'
  | 'metadata'
  | 'parallel_tool_calls'
  | 'prompt_cache_key'
  | 'reasoning'
  | 'safety_identifier'
  | 'temperature'
  | 'text'
  | 'tool_choice'
  | 'tools'
  | 'top_logprobs'
  | 'top_p'
  | 'truncation'
  | 'user'
>;

export function echoOf(body: ResponseBody): Echo {
  const { reasoning, text } = body;
  return {
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    metadata: body.metadata ?? {},
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: reasoning?.effort ?? null, summary: reasoning?.summary ?? null },
    safety_identifier: body.safety_identifier ?? null,
    temperature: body.temperature ?? 1,
    text: { format: text?.format ?? { type: 'text' }, verbosity: text?.verbosity ?? 'medium' },
    tool_choice: body.tool_choice ?? 'auto',
    tools: (body.tools ?? []).map(repeatedTool),
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? 'disabled',
    user: body.user ?? null,
  };
}

/** A response as clients read it. @param withOutputs the outputs of code are null unless the client asks for them */
export function wireResponse(state: ResponseState, withOutputs: boolean): ResponseObject {
  const { completedAt, previousId, conversationId, incompleteReason } = state;
  return {
    id: wireId('response', state.id),
    object: 'response',
    created_at: seconds(state.createdAt),
    status: state.status,
    background: state.background,
    completed_at: completedAt === null ? null : seconds(completedAt),
    error: state.error && errorOf(state.error),
    incomplete_details: incompleteReason && {
      reason: incompleteReason === 'length' ? 'max_output_tokens' : 'content_filter',
    },
    model: state.model,
    output: state.items.map((item) => wireOutputItem(item, withOutputs)),
    previous_response_id: previousId === null ? null : toWire('response', previousId),
    conversation: conversationId === null ? null : { id: toWire('conversation', conversationId) },
    service_tier: 'default',
    store: state.stored,
    usage: state.usage && usageOf(state.usage),
    access_programs: null,
    ...(state.echo as Echo),
  };
}

function errorOf({ code, foreignCode, message }: ResponseError): ResponseObject['error'] {
  const type = code === 'rate_limited' ? 'rate_limit_exceeded' : 'server_error';
  return { code: foreignCode ?? type, message, type, param: null };
}

/** Id of the conversation a request names. */
export function conversationOf({ conversation }: ResponseBody): string | undefined {
  return (typeof conversation === 'string' ? conversation : conversation?.id) || undefined;
}

/** As it was sent, with its defaults. Secrets for domains are not part of it. */
function repeatedTool(tool: NonNullable<ResponseBody['tools']>[number]): ResponseObject['tools'][number] {
  if (tool.type === 'code_interpreter') return { ...tool, container: tool.container ?? { type: 'auto' } };
  const { description = null, parameters = null, strict = false, ...rest } = tool;
  return { ...rest, description, parameters, strict };
}

export function usageOf({ inputTokens, cachedTokens, outputTokens, reasoningTokens }: TokenUsage) {
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: 0 },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: inputTokens + outputTokens,
  };
}

/** Whether `include` asks for the outputs of code. */
export function wantsOutputs(include: readonly string[] | null | undefined): boolean {
  return include?.includes('code_interpreter_call.outputs') ?? false;
}
