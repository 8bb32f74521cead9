import { idPattern } from '../core/index.ts';

/** Where an item is stored: its list (a response, or what was added to a conversation at once), and its index there. */
export interface ItemPlace {
  readonly listId: string;
  readonly side: 'input' | 'output';
  readonly index: number;
}

/** An item's id tells its place, so that an item can be found by its id alone. */
export function itemId({ listId, side, index }: ItemPlace): string {
  return `${listId}${side === 'input' ? 'i' : 'o'}${index}`;
}

/** Undefined for an id that was not made here. */
export function placeOf(id: string): ItemPlace | undefined {
  const [, listId, side, index] = /^(.{21})([io])(\d{1,5})$/.exec(id) ?? [];
  if (listId === undefined || !idPattern.test(listId)) return undefined;
  return { listId, side: side === 'i' ? 'input' : 'output', index: Number(index) };
}
