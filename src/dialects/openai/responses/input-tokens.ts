import type { HistoryItem } from './items.ts';
import type { ResponseBody } from './request.ts';

/** About how many characters make a token, whoever the model is. */
const charactersPerToken = 4;
/** About what an image costs, however many bytes it has. */
const tokensPerImage = 800;

/** Of an item what its model does not read. */
const unread: ReadonlySet<string> = new Set([
  'id',
  'type',
  'status',
  'role',
  'annotations',
  'logprobs',
  'container_id',
  'detail',
]);

/**
 * A rough count of what the model would read: no model of ours tells exactly before it is asked.
 * @param items the whole conversation, what came before included
 */
export function estimateTokens({ instructions, tools }: ResponseBody, items: readonly HistoryItem[]): number {
  let images = 0;
  let characters = (instructions ?? '').length + (tools?.length ? JSON.stringify(tools).length : 0);
  const count = (value: unknown): void => {
    if (typeof value === 'string') characters += value.length;
    if (typeof value !== 'object' || value === null) return;
    const { type } = value as { type?: unknown };
    if (type === 'input_image' || type === 'image') images++;
    else for (const [key, member] of Object.entries(value)) if (!unread.has(key)) count(member);
  };
  count(items);
  return Math.ceil(characters / charactersPerToken) + images * tokensPerImage;
}
