import type { AgentRequest, FunctionTool, ToolChoice } from '../../../agent/index.ts';
import type { CodeRequest, RequestItem, ResponseRequest } from '../../../assistant/index.ts';
import { memorySettings } from '../containers/container.ts';
import { toOwn } from '../ids.ts';
import { codeToolAt, type FunctionToolParam, type ResponseBody } from './request.ts';
import { conversationOf, echoOf } from './response.ts';
import { toItems } from './translate.ts';

/** What the body of a request does not say. */
export interface RequestTerms {
  /** Limit of one run of code in milliseconds; absent: the plan's. */
  readonly wallMs?: number | undefined;
  /** The caller's own key for the model's provider. */
  readonly upstreamKey?: string | undefined;
}

/** A body as a request of the assistant room. @throws WireError 400 for an item that cannot be used */
export function toRequest(body: ResponseBody, { wallMs, upstreamKey }: RequestTerms = {}): ResponseRequest {
  const { code, functions } = offered(body);
  return {
    ...historyOf(body),
    instructions: body.instructions ?? undefined,
    code: code && codeRequest(body, code.container, wallMs),
    settings: {
      model: body.model ?? undefined,
      functions: functions.map(functionTool),
      toolChoice: toolChoice(body),
      parallelToolCalls: body.parallel_tool_calls ?? undefined,
      maxOutputTokens: body.max_output_tokens ?? undefined,
      temperature: body.temperature ?? undefined,
      topP: body.top_p ?? undefined,
      reasoningEffort: body.reasoning?.effort ?? undefined,
      reasoningSummary: body.reasoning?.summary ?? undefined,
      verbosity: body.text?.verbosity ?? undefined,
      format: format(body),
      upstreamKey,
    },
    background: body.background ?? false,
    stored: body.store ?? true,
    echo: echoOf(body),
  };
}

/** What a body goes on from. @throws WireError 400 */
export function historyOf(
  body: Pick<ResponseBody, 'input' | 'previous_response_id' | 'conversation'>,
): Pick<ResponseRequest, 'input' | 'previousId' | 'conversationId'> {
  const { previous_response_id: previous } = body;
  const conversation = conversationOf(body);
  return {
    input: inputItems(body.input),
    previousId: previous ? toOwn('response', previous) : undefined,
    conversationId: conversation === undefined ? undefined : toOwn('conversation', conversation),
  };
}

function inputItems(input: ResponseBody['input']): RequestItem[] {
  if (typeof input !== 'string') return toItems(input ?? [], 'input');
  return toItems([{ type: 'message', role: 'user', content: input }], 'input');
}

type CodeTool = Extract<NonNullable<ResponseBody['tools']>[number], { type: 'code_interpreter' }>;

function codeRequest(
  { tools, max_tool_calls: maxCalls }: ResponseBody,
  container: CodeTool['container'],
  wallMs: number | undefined,
): CodeRequest {
  const named = typeof container === 'string' ? { sessionId: toOwn('container', container) } : {};
  const { file_ids: ids, memory_limit: memory } = typeof container === 'object' && container ? container : {};
  const where = `tools[${codeToolAt(tools ?? [])}].container.file_ids`;
  return {
    ...named,
    files: (ids ?? []).map((id, at) => ({ id: toOwn('file', id), where: `${where}[${at}]` })),
    settings: memorySettings(memory),
    wallMs,
    maxCalls: maxCalls ?? undefined,
  };
}

/** The tools, without those that `allowed_tools` leaves out. */
function offered({ tools, tool_choice: choice }: ResponseBody) {
  const isAllowed = (tool: NonNullable<ResponseBody['tools']>[number]) =>
    typeof choice !== 'object' ||
    choice?.type !== 'allowed_tools' ||
    choice.tools.some(({ type, name }) => type === tool.type && (tool.type !== 'function' || name === tool.name));
  const allowed = (tools ?? []).filter(isAllowed);
  return {
    code: allowed.find((tool) => tool.type === 'code_interpreter'),
    functions: allowed.filter((tool) => tool.type === 'function'),
  };
}

function functionTool({ name, description, parameters, strict, allowed_callers }: FunctionToolParam): FunctionTool {
  const callers = allowed_callers?.map((caller) => (caller === 'direct' ? 'model' : 'code'));
  return {
    name,
    description: description ?? undefined,
    parameters: parameters ?? { type: 'object', properties: {} },
    ...(strict === null || strict === undefined ? {} : { strict }),
    ...(callers?.length ? { callers } : {}),
  };
}

function toolChoice({ tool_choice: choice }: ResponseBody): ToolChoice {
  if (typeof choice !== 'object' || choice === null) return choice ?? 'auto';
  if (choice.type === 'code_interpreter') return { type: 'code' };
  return choice.type === 'function' ? choice : choice.mode;
}

function format({ text }: ResponseBody): AgentRequest['format'] {
  if (text?.format?.type !== 'json_schema') return text?.format ?? undefined;
  const { type, name, schema, strict } = text.format;
  return { type, name, schema, ...(strict === null || strict === undefined ? {} : { strict }) };
}
