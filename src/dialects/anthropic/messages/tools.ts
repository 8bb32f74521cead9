import type { FunctionTool, ToolChoice } from '../../../agent/index.ts';
import { invalid } from '../errors.ts';
import { clientToolSchema } from './client-tools.ts';
import { type CountBody, isToolName, type ToolName, type ToolParam } from './wire.ts';

/** The tools of a request. */
export interface RequestTools {
  /** Our tool, if the request has it. */
  readonly code: CodeToolRequest | undefined;
  readonly functions: readonly FunctionTool[];
  readonly choice: ToolChoice;
  readonly parallel: boolean | undefined;
}

interface CodeToolRequest {
  /** What a call that code made names as its caller. */
  readonly callerType: string;
  /** The names under which the model is offered our tools; `code_execution` is one of them. */
  readonly names: readonly ToolName[];
}

const prefix = 'code_execution_';
const versions = ['20250522', '20250825', '20260120', '20260521'] as const;
/** Clients know no newer type of caller. */
const callerTypes: Readonly<Record<string, string>> = { '20250825': `${prefix}20250825` };
const usualCaller = `${prefix}20260120`;

/** Tools that the vendor's servers run. */
const serversTools = /^(?:web_search|web_fetch|tool_search_tool|tool_search|advisor|mcp_toolset|agent_toolset)(?:_|$)/;

/** The `type` of our tool in a list of tools, without checking anything. */
export function isCodeTool(tool: unknown): boolean {
  const type = (tool as { type?: unknown } | null | undefined)?.type;
  return typeof type === 'string' && type.startsWith(prefix);
}

/** @throws WireError naming the tool: `tools.0: …` */
export function toolsOf({ tools, tool_choice: choice }: Pick<CountBody, 'tools' | 'tool_choice'>): RequestTools {
  const given = tools ?? [];
  const codeAt = given.findIndex(isCodeTool);
  const code = codeAt < 0 ? undefined : codeToolOf(given[codeAt]!, codeAt);
  const functions: FunctionTool[] = [];
  for (const [at, tool] of given.entries()) {
    if (isCodeTool(tool)) {
      if (at !== codeAt) throw invalid(`tools.${at}`, 'Only one code execution tool can be given.');
      continue;
    }
    const made = functionOf(tool, at, code);
    if (functions.some(({ name }) => name === made.name))
      throw invalid(`tools.${at}.name`, 'Tool names must be unique.');
    functions.push(made);
  }
  const parallel = choice?.disable_parallel_tool_use ? false : undefined;
  return { code, functions, choice: choiceOf(choice, code, functions), parallel };
}

function codeToolOf({ type, name }: ToolParam, at: number): CodeToolRequest {
  const version = versions.find((known) => `${prefix}${known}` === type);
  if (!version)
    throw invalid(
      `tools.${at}`,
      `Unknown version of the tool. Known are: ${versions.map((one) => prefix + one).join(', ')}.`,
    );
  if (name !== undefined && name !== 'code_execution')
    throw invalid(`tools.${at}.name`, "It must be 'code_execution'.");
  return {
    callerType: callerTypes[version] ?? usualCaller,
    names:
      version === '20250522'
        ? ['code_execution']
        : ['code_execution', 'bash_code_execution', 'text_editor_code_execution'],
  };
}

function functionOf(tool: ToolParam, at: number, code: CodeToolRequest | undefined): FunctionTool {
  const { type, name, description, strict } = tool;
  if (typeof type === 'string' && serversTools.test(type))
    throw invalid(
      `tools.${at}`,
      `The tool '${type}' is not served here: only code execution and the client's own tools are.`,
    );
  const isOwn = type === undefined || type === null || type === 'custom';
  const schema = isOwn ? tool.input_schema : clientToolSchema(type);
  if (!schema && !isOwn)
    throw invalid(
      `tools.${at}`,
      `The type '${type}' is not known. Tools of the client's own have the type 'custom', or none.`,
    );
  if (name === undefined) throw invalid(`tools.${at}.name`, 'Field required');
  if (!/^[\w.-]{1,128}$/.test(name))
    throw invalid(`tools.${at}.name`, 'It must be 1 to 128 letters, digits, _, - or dots.');
  if (!schema) throw invalid(`tools.${at}.input_schema`, 'Field required');
  if (code && isToolName(name)) throw invalid(`tools.${at}.name`, `'${name}' is a name of the code execution tool.`);
  return {
    name,
    description: description ?? undefined,
    parameters: schema,
    strict: strict ?? undefined,
    callers: callersOf(tool, at, code),
  };
}

function callersOf(
  { allowed_callers: allowed }: ToolParam,
  at: number,
  code: CodeToolRequest | undefined,
): FunctionTool['callers'] {
  if (!allowed || allowed.length === 0) return undefined;
  const unknown = allowed.find((caller) => caller !== 'direct' && !versions.some((known) => caller === prefix + known));
  if (unknown !== undefined) throw invalid(`tools.${at}.allowed_callers`, `'${unknown}' is not known.`);
  const byCode = allowed.some((caller) => caller !== 'direct');
  if (byCode && !code)
    throw invalid(
      `tools.${at}.allowed_callers`,
      'Code can call a tool only where the request has a code execution tool.',
    );
  return [...(allowed.includes('direct') ? (['model'] as const) : []), ...(byCode ? (['code'] as const) : [])];
}

function choiceOf(
  choice: CountBody['tool_choice'],
  code: CodeToolRequest | undefined,
  functions: readonly FunctionTool[],
): ToolChoice {
  if (!choice || choice.type === 'auto') return 'auto';
  if (choice.type === 'none') return 'none';
  const offered = functions.filter(({ callers }) => callers === undefined || callers.includes('model'));
  if (!code && offered.length === 0) throw invalid('tool_choice', 'It needs tools.');
  if (choice.type === 'any') return 'required';
  const { name } = choice;
  if (name === undefined) throw invalid('tool_choice.name', 'Field required');
  if (code?.names.some((known) => known === name))
    return name === 'code_execution' ? { type: 'code' } : { type: 'code', tool: name };
  if (offered.some((tool) => tool.name === name)) return { type: 'function', name };
  throw invalid('tool_choice.name', "It names a tool that is not in 'tools'.");
}
