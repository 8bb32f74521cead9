import { DragomanError } from './errors.ts';
import type { ToolDefinition } from './execution.ts';
import { type ToolNaming, toolIdentifier } from './tool-names.ts';

/** A tool as code sees it. */
export interface CallableTool extends ToolDefinition {
  readonly identifier: string;
}

const maxTools = 200;
const maxNameLength = 128;
const maxSchemaBytes = 64 * 1024;
const maxSchemasBytes = 1024 * 1024;
const maxSchemaDepth = 40;

/**
 * Checks the tools a caller gives to code, and finds names for them.
 * @throws DragomanError invalid_request
 */
export function callableTools(definitions: readonly ToolDefinition[], naming: ToolNaming): readonly CallableTool[] {
  if (definitions.length > maxTools) refuse(`at most ${maxTools} tools`);
  const owners = new Map<string, string>();
  let bytes = 0;
  return definitions.map(({ name, description, parameters }) => {
    // A line of its own on the sandbox's channel.
    if (name.length > maxNameLength || !/^\P{Cc}+$/u.test(name) || !name.isWellFormed())
      refuse(`a tool's name must be 1 to ${maxNameLength} characters, none of them a control character`);
    const identifier = toolIdentifier(name, naming);
    if (identifier === '') refuse(`the tool "${name}" has no letter that code could call it by`);
    const other = owners.get(identifier);
    if (other !== undefined) refuse(`the tools "${other}" and "${name}" would both be called ${identifier} in code`);
    owners.set(identifier, name);
    if (parameters !== undefined) bytes += schemaBytes(name, parameters);
    if (bytes > maxSchemasBytes) refuse(`the tools' parameters are larger than ${maxSchemasBytes} bytes together`);
    return { name, identifier, ...(description && { description }), ...(parameters && { parameters }) };
  });
}

function schemaBytes(tool: string, schema: Readonly<Record<string, unknown>>): number {
  const { type } = schema;
  if (type !== undefined && type !== 'object')
    refuse(`the parameters of the tool "${tool}" must be those of an object`);
  checkShape(tool, schema, 0);
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > maxSchemaBytes) refuse(`the parameters of the tool "${tool}" are larger than ${maxSchemaBytes} bytes`);
  return bytes;
}

/** Bounded in depth, and nothing in it points outside of it. */
function checkShape(tool: string, value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > maxSchemaDepth) refuse(`the parameters of the tool "${tool}" are too deep`);
  for (const [key, inner] of Object.entries(value)) {
    if (/^\$(?:recursive|dynamic)?[Rr]ef$/.test(key) && typeof inner === 'string' && !inner.startsWith('#'))
      refuse(`the parameters of the tool "${tool}" refer to another document`);
    checkShape(tool, inner, depth + 1);
  }
}

function refuse(message: string): never {
  throw new DragomanError('invalid_request', { message });
}
