import type {
  AgentRequest,
  CodeTool,
  ContentPart,
  FunctionTool,
  Resumption,
  ToolChoice,
} from '../../../agent/index.ts';
import type { Principal, ToolResult } from '../../../core/index.ts';
import type { DialectContext } from '../../../http/index.ts';
import { invalid } from '../errors.ts';
import { gatherAssets, readAssets } from './assets.ts';
import { checkCalls, type History } from './history.ts';
import type { HistoryItem, InputPart } from './items.ts';
import { toMessages } from './messages.ts';
import type { WaitingCode } from './records.ts';
import { codeToolAt, type FunctionToolParam, type ResponseBody } from './request.ts';
import { chooseWorkplace, type Workplace } from './workplace.ts';

/** What is not in the body of a request. */
export interface RequestTerms {
  /** Limit of one run of code; absent: the plan's. */
  readonly wallMs?: number | undefined;
  /** The caller's own key for the model provider. */
  readonly upstreamKey?: string | undefined;
}

/** What the model is asked, and where its code would run. */
export interface Asked {
  readonly request: AgentRequest;
  readonly workplace: Workplace | undefined;
}

/**
 * Translates a request. Nothing has run and nothing was stored when this resolves.
 * @throws WireError for whatever is wrong with it
 */
export async function toAgentRequest(
  context: DialectContext,
  principal: Principal,
  body: ResponseBody,
  history: History,
  { wallMs, upstreamKey }: RequestTerms = {},
): Promise<Asked> {
  const items = [...history.before, ...history.input];
  if (items.length === 0) {
    const message = "One of 'input', 'previous_response_id' and 'conversation' must hold something to answer.";
    throw invalid(message, 'input', 'missing_required_parameter');
  }
  checkCalls(items.filter((item) => !('status' in item) || item.status !== 'incomplete'));
  const { code: codeParam, functions } = offered(body);
  const container = codeParam?.container;
  const fileIds = typeof container === 'object' ? (container?.file_ids ?? []) : [];
  const param = `tools[${codeToolAt(body.tools ?? [])}].container.file_ids`;
  const past = Math.max(history.before.length, items.findLastIndex(isOfModel) + 1);
  const assets = await gatherAssets(context, principal, items, past, { ids: fileIds, param });
  const workplace = codeParam
    ? await chooseWorkplace(context, principal, container, history.containerId, assets.all)
    : undefined;
  const read = await readAssets(context, principal, assets, (asset) => workplace?.pathOf(asset));
  const rendering = {
    part: (part: InputPart) => read.get(part) ?? plainPart(part),
    shown: (id: string) => history.shown.get(id),
    kept: (id: string) => history.kept.get(id),
    codeCalls: history.codeCalls,
  };
  const system = [body.instructions ?? '', workplace?.isLost ? lostNote : ''].filter((text) => text !== '');
  return {
    workplace,
    request: {
      model: body.model ?? undefined,
      messages: [
        ...(system.length > 0
          ? [{ role: 'system' as const, content: system.map((text) => ({ type: 'text' as const, text })) }]
          : []),
        ...toMessages(items, rendering),
      ],
      code: workplace && codeTool(workplace, body, wallMs),
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
      resume: history.waiting && resumption(items, history.waiting),
    },
  };
}

const lostNote =
  'The container in which earlier code ran has expired: its variables and files are gone. A new one is used from now on; files ' +
  'the user attached are there again.';

function codeTool({ files, session }: Workplace, body: ResponseBody, wallMs: number | undefined): CodeTool {
  return { session, files, wallMs, maxCalls: body.max_tool_calls ?? undefined };
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

/** Parts that bring no file of ours. */
function plainPart(part: InputPart): ContentPart[] {
  if (part.type === 'input_image' && part.image_url) return [{ type: 'image_url', url: part.image_url }];
  if (part.type === 'refusal') return [{ type: 'text', text: part.refusal }];
  return 'text' in part ? [{ type: 'text', text: part.text }] : [];
}

/** What the code that waits is told, when nothing came after its calls but the outputs it waits for. */
function resumption(items: readonly HistoryItem[], waiting: WaitingCode): Resumption | undefined {
  const last = items.findLastIndex(isOfModel);
  const results = items.slice(last + 1).flatMap((item): ToolResult[] => {
    if (item.type !== 'function_call_output') return [];
    const id = waiting.calls[item.call_id];
    return id === undefined ? [] : [{ id, value: jsonOrText(item.output) }];
  });
  if (results.length === 0) return undefined;
  const { callId, executionId, after, code, kept } = waiting;
  return { callId, executionId, after, code, results, kept };
}

function isOfModel(item: HistoryItem): boolean {
  return item.type === 'message' ? item.role === 'assistant' : item.type !== 'function_call_output';
}

/** JSON where it is some, so that code gets what the function returned and not a text of it. */
function jsonOrText(output: string | readonly InputPart[]): unknown {
  const text = typeof output === 'string' ? output : output.map((part) => ('text' in part ? part.text : '')).join('');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
