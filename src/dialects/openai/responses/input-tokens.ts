import type { Item } from '../../../assistant/index.ts';
import type { ResponseBody } from './request.ts';

/** About how many characters make a token, for most models. */
const charactersPerToken = 4;
/** About what an image costs, however many bytes it has. */
const tokensPerImage = 800;

/** Fields of an item that its model does not read. */
const unread: ReadonlySet<string> = new Set(['id', 'type', 'status', 'role', 'citations', 'echo', 'sessionId', 'mime']);

/**
 * A rough count of what the model would read: no model of ours tells exactly before it is asked.
 * @param items the whole conversation, what came before included
 */
export function estimateTokens({ instructions, tools }: ResponseBody, items: readonly Item[]): number {
  let images = 0;
  let characters = (instructions ?? '').length + (tools?.length ? JSON.stringify(tools).length : 0);
  const count = (value: unknown): void => {
    if (typeof value === 'string') characters += value.length;
    if (typeof value !== 'object' || value === null) return;
    const { type } = value as { type?: unknown };
    if (type === 'image') images++;
    else for (const [key, member] of Object.entries(value)) if (!unread.has(key)) count(member);
  };
  count(items);
  return Math.ceil(characters / charactersPerToken) + images * tokensPerImage;
}
