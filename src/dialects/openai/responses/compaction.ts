import { z } from 'zod';
import type { InputPart, ListedInput } from './items.ts';

/** What stands for a conversation that was compacted. */
export interface Compaction {
  readonly summary: string;
  /** Where its newest code ran. */
  readonly containerId: string | undefined;
}

/** By this we know our own; it is no secret, and holds nothing that a client could not say otherwise. */
const mark = 'dragoman1.';

const packed = z.object({ summary: z.string(), container: z.string().optional() });

/** As `encrypted_content` of an item, which clients keep and hand back. */
export function packCompaction({ summary, containerId }: Compaction): string {
  return mark + Buffer.from(JSON.stringify({ summary, container: containerId })).toString('base64url');
}

/** Undefined for what was not made here. */
export function readCompaction(content: unknown): Compaction | undefined {
  if (typeof content !== 'string' || !content.startsWith(mark)) return undefined;
  try {
    const { summary, container } = packed.parse(
      JSON.parse(Buffer.from(content.slice(mark.length), 'base64url').toString('utf8')),
    );
    return { summary, containerId: container };
  } catch {
    return undefined;
  }
}

/** A conversation as a text, for a model that is to summarise it: files by name, runs with what the model read of them. */
export function transcript(items: readonly ListedInput[], shown: ReadonlyMap<string, string>): string {
  return items.flatMap((item) => paragraph(item, shown)).join('\n\n');
}

function paragraph(item: ListedInput, shown: ReadonlyMap<string, string>): string[] {
  switch (item.type) {
    case 'message':
      return [`[${item.role}]\n${item.content.map(textOf).join('\n')}`];
    case 'function_call':
      return [`[assistant calls ${item.name}]\n${item.arguments}`];
    case 'function_call_output':
      return [`[result]\n${typeof item.output === 'string' ? item.output : item.output.map(textOf).join('\n')}`];
    case 'code_interpreter_call':
      return [`[assistant runs Python]\n${item.code ?? ''}`, `[output]\n${shown.get(item.id) ?? ''}`];
    case 'compaction':
      return [`[summary of what came before]\n${readCompaction(item.encrypted_content)?.summary ?? ''}`];
    default:
      return [];
  }
}

function textOf(part: InputPart): string {
  switch (part.type) {
    case 'input_image':
      return '(an image)';
    case 'input_file':
      return `(the file ${part.filename ?? part.file_id ?? ''})`;
    case 'refusal':
      return part.refusal;
    default:
      return part.text;
  }
}
