import { idPattern } from '../../../core/index.ts';
import { type IdKind, wireId } from '../ids.ts';
import type { HistoryItem } from './items.ts';

const kinds: Record<HistoryItem['type'], IdKind> = {
  message: 'message',
  reasoning: 'reasoning',
  function_call: 'functionCall',
  function_call_output: 'functionOutput',
  code_interpreter_call: 'codeCall',
  compaction: 'compaction',
};

/** Where an item is: which response, which of its lists, and the place there. The item's id says it, so nothing else must. */
export interface ItemPlace {
  readonly responseId: string;
  readonly list: 'input' | 'output';
  readonly index: number;
}

export function itemId(type: HistoryItem['type'], { responseId, list, index }: ItemPlace): string {
  return `${wireId(kinds[type], responseId)}${list === 'input' ? 'i' : 'o'}${index}`;
}

/** Undefined when the id is none of an item of ours. */
export function placeOf(id: string): ItemPlace | undefined {
  const [, responseId, list, index] = /^(?:msg|rs|fc|fco|ci|cmp)_(.{21})([io])(\d{1,5})$/.exec(id) ?? [];
  if (responseId === undefined || !idPattern.test(responseId)) return undefined;
  return { responseId, list: list === 'i' ? 'input' : 'output', index: Number(index) };
}
