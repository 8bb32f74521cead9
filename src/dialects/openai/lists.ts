import { z } from 'zod';
import type { Page } from '../../service/index.ts';
import { ownItemId } from './ids.ts';

/** The query of every list. */
export const listQuery = z.object({
  after: z.string().min(1).optional().describe('Id of the last element of the page before.'),
  limit: z.coerce.number().int().min(1).max(100).optional().describe('20 when absent.'),
  order: z.enum(['asc', 'desc']).optional().describe('By creation; `desc` when absent.'),
});

/** A page of our own lists. `after` is still the client's id. */
export function pageOf({ after, limit = 20, order = 'desc' }: z.infer<typeof listQuery>): Page {
  return { after, limit, order };
}

/** A page of items: `after` is our id. */
export function itemPageOf(query: z.infer<typeof listQuery>): Page {
  const { after, ...page } = pageOf(query);
  return { ...page, after: after === undefined ? undefined : ownItemId(after) };
}

/** One page of a list. Clients go on with the last id as `after` while there is more. */
export interface ListPage<T> {
  readonly object: 'list';
  readonly data: readonly T[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

export function listPage<T extends { readonly id: string }>(data: readonly T[], hasMore: boolean): ListPage<T> {
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore && data.length > 0,
  };
}

/** A page of a list that is in memory, oldest first. An unknown cursor ends the list. */
export function pageFrom<T extends { readonly id: string }>(all: readonly T[], page: Page): ListPage<T> {
  const ordered = page.order === 'asc' ? all : all.toReversed();
  const from = page.after === undefined ? 0 : ordered.findIndex(({ id }) => id === page.after) + 1;
  const rest = page.after !== undefined && from === 0 ? [] : ordered.slice(from);
  return listPage(rest.slice(0, page.limit), rest.length > page.limit);
}

/** The schema of a page, for the OpenAPI document. */
export function listOf<T extends z.ZodType>(element: T) {
  return z.object({
    object: z.literal('list'),
    data: z.array(element),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  });
}
