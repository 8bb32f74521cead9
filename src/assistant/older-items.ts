import { isId } from '../core/index.ts';
import { placeOf } from './item-ids.ts';
import type { Citation, CodeOutput, Item, ItemStatus, OutputItem, Part, Role } from './items.ts';
import type { Citable } from './responses/citations.ts';
import type { ResponseState } from './responses/response.ts';
import type { ResponseRecord } from './responses/response-record.ts';

/**
 * Reads what version 0.1 stored: responses and items in the words of the one API it had. They are read until their time is over;
 * nothing is written in this form.
 */

// biome-ignore lint/suspicious/noExplicitAny: our own documents, of a shape that no type describes any more
type Old = any;

/** The kinds of these documents. */
export const olderKinds = {
  response: 'response',
  events: 'response_events',
  conversationItems: 'openai_conversation_items',
} as const;

export function recordOfOlder(id: string, createdAt: number, body: Old): ResponseRecord & { input: readonly Item[] } {
  const { response, input, shown, kept, waiting, uncited } = body;
  const { containerId: _, kept: providerState, ...rest } = waiting ?? {};
  return {
    response: stateOf(id, createdAt, response),
    input: input.map(itemOfOlder),
    modelViews: byItem(shown),
    ...(kept ? { providerStates: byItem(kept) } : {}),
    ...(waiting ? { waiting: { ...rest, providerState } } : {}),
    ...(uncited ? { uncited: uncited as Citable[] } : {}),
  };
}

function stateOf(id: string, createdAt: number, old: Old): ResponseState {
  const { status, background, store, completed_at: completedAt, model, output, usage, error } = old;
  const { previous_response_id: previous, conversation, incomplete_details: incomplete } = old;
  const { instructions, max_output_tokens, max_tool_calls, metadata, parallel_tool_calls, prompt_cache_key } = old;
  const { reasoning, safety_identifier, temperature, text, tool_choice, tools, top_logprobs, top_p, truncation } = old;
  return {
    id,
    status,
    background,
    stored: store,
    createdAt,
    completedAt: completedAt === null ? null : completedAt * 1000,
    model,
    previousId: previous === null ? null : bare(previous),
    conversationId: conversation === null ? null : bare(conversation.id),
    items: output.map(itemOfOlder) as OutputItem[],
    usage: usage && {
      inputTokens: usage.input_tokens,
      cachedTokens: usage.input_tokens_details.cached_tokens,
      outputTokens: usage.output_tokens,
      reasoningTokens: usage.output_tokens_details.reasoning_tokens,
    },
    error: error && {
      code: error.code === 'rate_limit_exceeded' ? 'rate_limited' : 'internal',
      message: error.message,
    },
    incompleteReason: incomplete && (incomplete.reason === 'max_output_tokens' ? 'length' : 'content_filter'),
    echo: {
      instructions,
      max_output_tokens,
      max_tool_calls,
      metadata,
      parallel_tool_calls,
      prompt_cache_key,
      reasoning,
      safety_identifier,
      temperature,
      text,
      tool_choice,
      tools,
      top_logprobs,
      top_p,
      truncation,
      user: old.user,
    },
  };
}

export function itemOfOlder(old: Old): Item {
  const id = bareItem(old.id);
  switch (old.type) {
    case 'reasoning':
      return { id, type: 'reasoning', summary: (old.summary ?? []).map((part: Old) => part.text) };
    case 'function_call': {
      const { call_id: callId, name, arguments: args, caller } = old;
      const fromCode = caller?.type === 'program' ? { fromCode: bareItem(caller.caller_id ?? '') } : {};
      return { id, type: 'function_call', status: statusOf(old), callId, name, arguments: args, ...fromCode };
    }
    case 'function_call_output': {
      const output = typeof old.output === 'string' ? old.output : old.output.map(partOf);
      return { id, type: 'function_result', callId: old.call_id, output };
    }
    case 'code_interpreter_call': {
      const { code, container_id: container, outputs } = old;
      const status = old.status === 'interpreting' ? 'waiting' : statusOf(old);
      const sessionId = container ? bare(container) : undefined;
      return { id, type: 'code', status, code: code ?? '', sessionId, outputs: (outputs ?? []).flatMap(outputOf) };
    }
    case 'compaction':
      return { id, type: 'compaction', content: old.encrypted_content };
    default: {
      const role = old.role as Role;
      return { id, type: 'message', role, status: statusOf(old), parts: old.content.map(partOf) };
    }
  }
}

function partOf(old: Old): Part {
  const detail = old.detail ? { echo: { detail: old.detail } } : {};
  const file = old.file_id ? { fileId: bare(old.file_id) } : {};
  switch (old.type) {
    case 'refusal':
      return { type: 'refusal', text: old.refusal };
    case 'input_image':
      return { type: 'image', ...file, ...(old.image_url ? { url: old.image_url } : {}), ...detail };
    case 'input_file': {
      const name = old.filename ? { name: old.filename } : {};
      return { type: 'file', ...file, ...(old.file_data ? { data: old.file_data } : {}), ...name, ...detail };
    }
    default:
      return { type: 'text', text: old.text, ...(old.logprobs ? { citations: old.annotations.map(citationOf) } : {}) };
  }
}

function citationOf(old: Old): Citation {
  const { container_id: container, file_id: file, filename: name, start_index: start, end_index: end } = old;
  return { sessionId: bare(container), fileId: bare(file), name, start, end };
}

function outputOf(old: Old): CodeOutput[] {
  if (old?.type === 'logs') return [{ type: 'logs', text: old.logs }];
  const [, mime, data] = /^data:([\w/+.-]+);base64,(.*)$/s.exec(old?.url ?? '') ?? [];
  return mime === undefined || data === undefined ? [] : [{ type: 'image', mime, data }];
}

function statusOf({ status }: Old): ItemStatus {
  return status === 'incomplete' || status === 'in_progress' ? status : 'completed';
}

function byItem<T>(values: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([id, value]) => [bareItem(id), value]));
}

/** An id without its prefix. */
function bare(id: string): string {
  const rest = id.slice(-21);
  return isId(rest) && /^[a-z]+[_-]$/.test(id.slice(0, -21)) ? rest : id;
}

function bareItem(id: string): string {
  const rest = id.slice(id.indexOf('_') + 1);
  return placeOf(rest) ? rest : id;
}
