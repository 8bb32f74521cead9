import type { Item, Part } from './items.ts';

/** What stands for a conversation that was compacted. */
export interface Compaction {
  readonly summary: string;
  /** Where its newest code ran. */
  readonly sessionId: string | undefined;
}

/** Tells our own compactions from others. It is no secret: a compaction holds nothing that a client could not say itself. */
const mark = 'dragoman1.';

/** The session's id has this prefix in compactions that were made before the room was apart from its first dialect. */
const olderPrefix = 'cntr_';

/** As text that clients keep and hand back. */
export function packCompaction({ summary, sessionId }: Compaction): string {
  const container = sessionId === undefined ? undefined : olderPrefix + sessionId;
  return mark + Buffer.from(JSON.stringify({ summary, container })).toString('base64url');
}

/** Undefined for what was not made here. */
export function readCompaction(content: unknown): Compaction | undefined {
  if (typeof content !== 'string' || !content.startsWith(mark)) return undefined;
  try {
    const text = Buffer.from(content.slice(mark.length), 'base64url').toString('utf8');
    const { summary, container } = JSON.parse(text) as { summary?: unknown; container?: unknown };
    if (typeof summary !== 'string') return undefined;
    if (container === undefined) return { summary, sessionId: undefined };
    if (typeof container !== 'string') return undefined;
    return { summary, sessionId: container.startsWith(olderPrefix) ? container.slice(olderPrefix.length) : container };
  } catch {
    return undefined;
  }
}

/** A conversation as text for a model that summarises it: files by name, runs with what the model read of them. */
export function transcript(items: readonly Item[], modelViews: ReadonlyMap<string, string>): string {
  return items.flatMap((item) => paragraphs(item, modelViews)).join('\n\n');
}

function paragraphs(item: Item, modelViews: ReadonlyMap<string, string>): string[] {
  switch (item.type) {
    case 'message':
      return [`[${item.role}]\n${item.parts.map(textOf).join('\n')}`];
    case 'function_call':
      return [`[assistant calls ${item.name}]\n${item.arguments}`];
    case 'function_result':
      return [`[result]\n${typeof item.output === 'string' ? item.output : item.output.map(textOf).join('\n')}`];
    case 'code':
      return [`[assistant runs Python]\n${item.code}`, `[output]\n${modelViews.get(item.id) ?? ''}`];
    case 'compaction':
      return [`[summary of what came before]\n${readCompaction(item.content)?.summary ?? ''}`];
    default:
      return [];
  }
}

function textOf(part: Part): string {
  if (part.type === 'image') return '(an image)';
  return part.type === 'file' ? `(the file ${part.name ?? part.fileId ?? ''})` : part.text;
}
