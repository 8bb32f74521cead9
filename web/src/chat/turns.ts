import type { Turn } from '../api/types.ts';

/** The turns from the first one to `head`. */
export function branchOf(turns: readonly Turn[], head: string | undefined): readonly Turn[] {
  const byId = new Map(turns.map((turn) => [turn.id, turn]));
  const branch: Turn[] = [];
  for (let turn = byId.get(head ?? ''); turn && branch.length <= turns.length; turn = byId.get(turn.parent ?? ''))
    branch.unshift(turn);
  return branch;
}

/** A turn and its alternatives: those with the same turn before. */
export function siblingsOf(turns: readonly Turn[], { parent }: Turn): readonly Turn[] {
  return turns.filter((turn) => (turn.parent ?? null) === (parent ?? null));
}

/** The latest turn that follows from this one. */
export function leafOf(turns: readonly Turn[], id: string): string {
  const next = turns.filter(({ parent }) => parent === id).at(-1);
  return next ? leafOf(turns, next.id) : id;
}

/** Turns of two windows. What this window knows of a turn counts. */
export function merged(theirs: readonly Turn[], own: readonly Turn[]): readonly Turn[] {
  const known = new Map(own.map((turn) => [turn.id, turn]));
  const before = theirs.map((turn) => known.get(turn.id) ?? turn);
  const there = new Set(before.map(({ id }) => id));
  return [...before, ...own.filter(({ id }) => !there.has(id))];
}
