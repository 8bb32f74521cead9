import type { AgentRequest } from '../../../agent/index.ts';
import { invalid } from '../errors.ts';
import { toOwn } from '../ids.ts';
import type { CountBody, MessagesBody } from './wire.ts';

/** Fields that only the vendor's own servers can serve. A client that sends one relies on it. */
const unserved = ['mcp_servers', 'context_management', 'compaction', 'fallbacks'] as const;

/** @throws WireError for what a client relies on and cannot have here */
export function checkServed(body: CountBody): void {
  for (const field of unserved) {
    if (!isEmpty(body[field])) throw invalid(field, 'It is not served here.');
  }
  // Clients that send the history in parts send it whole when they read this.
  if (body.thread !== undefined && body.thread !== null)
    throw invalid('thread', 'Threads are not served here: send the whole history.', {
      error_code: 'thread_unsupported_request',
      unsupported: [],
    });
}

/** Clients send lists, and `{edits: []}`, without wanting anything. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  const list = Array.isArray(value) ? value : (value as { edits?: unknown }).edits;
  return Array.isArray(list) && list.length === 0;
}

/** The container a request names; undefined: a new one. @throws WireError */
export function namedContainer({ container }: MessagesBody): string | undefined {
  if (container === undefined || container === null) return undefined;
  if (typeof container === 'object' && (container.skills?.length ?? 0) > 0)
    throw invalid('container.skills', 'There are no skills here.');
  const id = typeof container === 'string' ? container : (container.id ?? undefined);
  if (id === undefined || id === '') return undefined;
  return toOwn('container', id);
}

/** The settings of the model in a body. */
export function modelSettings(
  body: MessagesBody,
): Omit<AgentRequest, 'messages' | 'code' | 'functions' | 'toolChoice' | 'parallelToolCalls' | 'upstreamKey'> {
  const { thinking, output_config: output } = body;
  const format = output?.format;
  return {
    model: body.model,
    maxOutputTokens: body.max_tokens,
    temperature: body.temperature ?? undefined,
    topP: body.top_p ?? undefined,
    topK: body.top_k ?? undefined,
    stop: body.stop_sequences && body.stop_sequences.length > 0 ? body.stop_sequences : undefined,
    // Models that do not reason refuse an effort, and clients send one by habit.
    reasoningEffort: showsThoughts(thinking) ? (output?.effort ?? undefined) : undefined,
    format: format ? { type: 'json_schema', name: 'answer', schema: format.schema, strict: true } : undefined,
    notesUnseenImages: true,
  };
}

/** The client asked for the model's thoughts. */
export function showsThoughts(thinking: MessagesBody['thinking']): boolean {
  return thinking?.type === 'adaptive' || thinking?.type === 'enabled';
}
