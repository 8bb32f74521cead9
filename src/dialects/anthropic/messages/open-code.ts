import type { AssistantPart, Message, Resumption } from '../../../agent/index.ts';
import { DragomanError, type Principal, type ToolResult } from '../../../core/index.ts';
import { invalid } from '../errors.ts';
import { ownId } from '../ids.ts';
import type { AnthropicServices } from '../services.ts';
import type { Conversation, GivenResult, OpenCode } from './history.ts';

/** Code of an earlier message that goes on. */
export interface OpenedCode {
  readonly toolUseId: string;
  readonly sessionId: string;
  readonly resumption: Resumption;
}

type Context = Pick<AnthropicServices, 'assistant' | 'executions'>;

/**
 * Goes on with code that waits for the answers that a history ends with. Code whose user said something else is given up.
 * @returns undefined when nothing goes on
 * @throws WireError when the code does not wait any more, or an answer is missing
 */
export async function openCode(
  { assistant, executions }: Context,
  principal: Principal,
  { toolUseId, results, where }: OpenCode,
): Promise<OpenedCode | undefined> {
  const steps = await assistant.steps.find(principal, ownId('serverTool', toolUseId) ?? '');
  const { waiting } = steps ?? {};
  const running = waiting && (await found(executions.find(principal, waiting.executionId)));
  if (!results) {
    running?.cancel();
    return undefined;
  }
  const sessionId = steps?.sessionId;
  if (!waiting || !sessionId || running?.status !== 'waiting')
    throw invalid(where, 'The code that made these calls does not wait for them any more.');
  const missing = Object.keys(waiting.calls).find((id) => !results.has(id));
  if (missing !== undefined) throw invalid(where, `The call '${missing}' has no tool_result.`);
  const unknown = [...results.keys()].find((id) => !Object.hasOwn(waiting.calls, id));
  if (unknown !== undefined)
    throw invalid(where, `The code does not wait for the call '${unknown.slice(0, 64)}' any more.`);
  const { callId, executionId, after, code, providerState } = waiting;
  const answers = [...results].map(([id, result]) => answerOf(waiting.calls[id]!, result));
  return { toolUseId, sessionId, resumption: { callId, executionId, after, code, results: answers, providerState } };
}

function answerOf(id: string, { text, isError }: GivenResult): ToolResult {
  return isError ? { id, error: text || 'The tool failed.' } : { id, value: text };
}

async function found<T>(finding: Promise<T>): Promise<T | undefined> {
  try {
    return await finding;
  } catch (error) {
    if (error instanceof DragomanError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** Most messages whose steps are looked up. */
const mostLookups = 200;

/** Puts back what the provider wants with the calls since the user last spoke, and what the model read of them. */
export async function recalled(
  { assistant }: Pick<Context, 'assistant'>,
  principal: Principal,
  { messages, recentCalls }: Conversation,
): Promise<Message[]> {
  const known = new Map<string, AssistantPart>();
  for (const id of recentCalls.slice(-mostLookups)) {
    const key = ownId('tool', id) ?? ownId('serverTool', id);
    const steps = key === undefined ? undefined : await assistant.steps.find(principal, key);
    for (const part of steps?.parts ?? []) if ('callId' in part) known.set(part.callId, part);
  }
  if (known.size === 0) return [...messages];
  return messages.map((message) =>
    message.role === 'assistant'
      ? { ...message, content: message.content.map((part) => withKnown(part, known)) }
      : message,
  );
}

function withKnown(part: AssistantPart, known: ReadonlyMap<string, AssistantPart>): AssistantPart {
  const kept = 'callId' in part ? known.get(part.callId) : undefined;
  if (kept?.type === 'function_call' && part.type === 'function_call')
    return { ...part, providerState: kept.providerState };
  if (kept?.type === 'code_call' && part.type === 'code_call')
    return { ...part, modelView: kept.modelView, providerState: kept.providerState };
  return part;
}
