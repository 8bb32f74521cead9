import type { AgentRequest, FunctionTool, ToolChoice } from '../../../agent/index.ts';
import { invalid } from '../errors.ts';
import { ownId } from '../ids.ts';
import { parse } from '../parse.ts';
import { type ChatBody, type ChatCodeTool, chatBody } from './wire.ts';

/** @throws WireError, also for rules that the schema does not express */
export function parseBody(value: unknown): ChatBody {
  const body = parse(chatBody, value);
  const tools = body.tools ?? [];
  const codeTools = [...tools.keys()].filter((at) => tools[at]!.type === 'code_interpreter');
  if (codeTools.length > 1) throw invalid('Only one code_interpreter tool can be given.', `tools[${codeTools[1]}]`);
  const names = new Set<string>();
  for (const [at, tool] of tools.entries()) {
    if (tool.type !== 'function') continue;
    if (names.has(tool.function.name))
      throw invalid('Functions must have different names.', `tools[${at}].function.name`);
    names.add(tool.function.name);
  }
  return body;
}

/** After the name of a model: it has the code interpreter. */
const codeSuffix = '+code';

/**
 * Gives a body the code interpreter where it asks for it without `tools`: with `code_interpreter: true`, or by a model called
 * `name+code`. Applications that cannot send a tool of this kind can send a field, or name a model.
 */
export function withSwitches(body: unknown): unknown {
  if (!isRecord(body)) return body;
  const { code_interpreter: flag, model, tools, ...rest } = body;
  const isAlias = typeof model === 'string' && model.endsWith(codeSuffix);
  const isFlag = typeof flag === 'boolean' || flag === null;
  if (!isAlias && !isFlag) return body;
  const name = isAlias ? model.slice(0, -codeSuffix.length) : model;
  const given = Array.isArray(tools) ? tools : [];
  const isGiven = given.some((tool) => isRecord(tool) && tool.type === 'code_interpreter');
  const isOn =
    (isAlias || flag === true) && !isGiven && (tools === undefined || tools === null || Array.isArray(tools));
  const named = name === undefined || name === '' ? {} : { model: name };
  if (isOn) return { ...rest, ...named, tools: [...given, { type: 'code_interpreter' }] };
  return { ...rest, ...named, ...(tools === undefined ? {} : { tools }) };
}

/**
 * Whether a body needs this service: it has the tool, or a call whose earlier steps are stored here. Other bodies are relayed to the
 * provider.
 */
export function needsUs(body: unknown): boolean {
  if (!isRecord(body)) return true;
  const { tools, messages } = body;
  if (Array.isArray(tools) && tools.some((tool) => isRecord(tool) && tool.type === 'code_interpreter')) return true;
  const calls = listOf(messages).flatMap((message) => listOf(isRecord(message) && message.tool_calls));
  return calls.some((call) => isRecord(call) && ownId('call', call.id) !== undefined);
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface ChatTools {
  readonly code: ChatCodeTool | undefined;
  readonly functions: readonly FunctionTool[];
  readonly choice: ToolChoice;
}

/** The tools the model may use now. @throws WireError for a choice of a tool that is not given */
export function toolsOf({ tools, tool_choice: choice }: ChatBody): ChatTools {
  const code = tools?.find((tool) => tool.type === 'code_interpreter');
  const functions = (tools ?? []).flatMap((tool) => {
    if (tool.type !== 'function') return [];
    const { name, description, parameters, strict } = tool.function;
    return {
      name,
      description: description ?? undefined,
      parameters: parameters ?? { type: 'object', properties: {} },
      strict: strict ?? undefined,
    };
  });
  const known = (named: { type: string; function?: { name: string } }) =>
    named.type === 'code_interpreter'
      ? code !== undefined
      : functions.some(({ name }) => name === named.function?.name);
  if (choice === undefined || choice === null) return { code, functions, choice: 'auto' };
  if (typeof choice === 'string') {
    if (choice === 'required' && !code && functions.length === 0) throw unknownTool();
    return { code, functions, choice };
  }
  if (choice.type === 'allowed_tools') {
    const { mode, tools: allowed } = choice.allowed_tools;
    if (!allowed.every(known)) throw unknownTool();
    return {
      code: allowed.some(({ type }) => type === 'code_interpreter') ? code : undefined,
      functions: functions.filter(({ name }) =>
        allowed.some((tool) => tool.type === 'function' && tool.function.name === name),
      ),
      choice: mode,
    };
  }
  if (!known(choice)) throw unknownTool();
  return {
    code,
    functions,
    choice: choice.type === 'code_interpreter' ? { type: 'code' } : { type: 'function', name: choice.function.name },
  };
}

/** The fields of a body that are settings of the model. */
export function modelSettings(
  body: ChatBody,
): Omit<AgentRequest, 'messages' | 'code' | 'functions' | 'toolChoice' | 'upstreamKey'> {
  const { model, stop, response_format: format, ...rest } = body;
  const { messages, tools, tool_choice, stream, stream_options, n, ...settings } = rest;
  const {
    parallel_tool_calls,
    max_completion_tokens,
    max_tokens,
    temperature,
    top_p,
    presence_penalty,
    frequency_penalty,
    seed,
    reasoning_effort,
    ...extra
  } = settings;
  return {
    model: model ?? undefined,
    parallelToolCalls: parallel_tool_calls ?? undefined,
    maxOutputTokens: max_completion_tokens ?? max_tokens ?? undefined,
    temperature: temperature ?? undefined,
    topP: top_p ?? undefined,
    presencePenalty: presence_penalty ?? undefined,
    frequencyPenalty: frequency_penalty ?? undefined,
    seed: seed ?? undefined,
    reasoningEffort: reasoning_effort ?? undefined,
    stop: stop === null || stop === undefined ? undefined : [stop].flat(),
    format: format ? formatOf(format) : undefined,
    extra,
  };
}

function formatOf(format: NonNullable<ChatBody['response_format']>): AgentRequest['format'] {
  if (format.type !== 'json_schema') return { type: format.type };
  const { name, schema, strict } = format.json_schema;
  return {
    type: format.type,
    name,
    ...(schema ? { schema } : {}),
    ...(typeof strict === 'boolean' ? { strict } : {}),
  };
}

function unknownTool() {
  return invalid("Tool choice names a tool that is not in 'tools'.", 'tool_choice');
}
