import { type CallableTool, isCheapJson, type ToolCall } from '../../core/index.ts';
import type { SchemaChecker } from './schema-checker.ts';

/** Honest input is never deeper, and code that handles it later may be recursive. */
const maxDepth = 60;

/**
 * Reads the input that code gives to a tool. Returns the input, or a string that says what is wrong with it.
 * @param tooSlow names of tools whose schemas proved too expensive to check; added to
 */
export async function readInput(
  text: string,
  tool: CallableTool,
  { checker, owner }: { readonly checker: SchemaChecker; readonly owner: string },
  tooSlow: Set<string>,
): Promise<ToolCall['input'] | string> {
  let input: unknown;
  try {
    if (!isCheapJson(Buffer.from(text), maxDepth)) return 'the input has too many values, or too deep ones';
    input = JSON.parse(text);
  } catch {
    return 'the input is not valid JSON';
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return 'the input must be a JSON object';
  const { name, parameters } = tool;
  if (parameters === undefined) return input as ToolCall['input'];
  if (tooSlow.has(name)) return 'the tool’s parameters take too long to check';
  try {
    const fault = await checker.check(owner, parameters, input);
    return fault === null ? (input as ToolCall['input']) : `invalid input: ${fault}`;
  } catch {
    tooSlow.add(name);
    return 'the tool’s parameters take too long to check';
  }
}
