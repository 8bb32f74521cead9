import { type InBlock, isToolName, type ToolName } from './wire.ts';

/** A result that a client sends back. */
export interface ReplayedResult {
  readonly tool: ToolName;
  readonly toolUseId: string;
  /** What the model reads of it. */
  readonly view: string;
}

/** Longest result that is given to the model again. */
const longest = 60_000;

const errorWords: Readonly<Record<string, string>> = {
  invalid_tool_input: 'The arguments could not be used.',
  unavailable: 'There was no place to run it.',
  too_many_requests: 'There was no place to run it: too many requests.',
  execution_time_exceeded: 'Stopped at the time limit.',
  output_file_too_large: 'A file was too large to be kept.',
  file_not_found: 'The path does not exist.',
};

/** Reads a result of our tools, also of another server. Undefined for any other block. */
export function replayedResult(block: InBlock): ReplayedResult | undefined {
  const tool = block.type.replace(/_tool_result$/, '');
  const { tool_use_id: toolUseId } = block;
  if (tool === block.type || !isToolName(tool) || typeof toolUseId !== 'string') return undefined;
  const content = (typeof block.content === 'object' && block.content ? block.content : {}) as Fields;
  return { tool, toolUseId, view: viewOf(content).slice(0, longest) || '[no output]' };
}

type Fields = Readonly<Record<string, unknown>>;

function viewOf(content: Fields): string {
  const type = textOf(content.type);
  if (type.endsWith('_error')) {
    const code = textOf(content.error_code);
    return `[${errorWords[code] ?? 'It failed.'} ${textOf(content.error_message)}`.trimEnd().concat(']');
  }
  if (type === 'encrypted_code_execution_result')
    return '[It ran on another server, and its output cannot be read here.]';
  if (type.endsWith('_view_result')) return textOf(content.content);
  if (type.endsWith('_create_result'))
    return content.is_file_update === true ? 'The file was overwritten.' : 'The file was created.';
  if (type.endsWith('_str_replace_result')) return ['The file was edited.', ...textsOf(content.lines)].join('\n');
  const code = content.return_code;
  const files = Array.isArray(content.content) ? content.content.length : 0;
  return [
    textOf(content.stdout).replace(/\n$/, ''),
    textOf(content.stderr).replace(/\n$/, ''),
    typeof code === 'number' && code !== 0 ? `[Exit code ${code}.]` : '',
    files > 0 ? `[Files written: ${files}.]` : '',
  ]
    .filter((part) => part !== '')
    .join('\n');
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
