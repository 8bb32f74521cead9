import type { Principal } from '../../core/index.ts';
import type { DialectContext } from '../../http/index.ts';
import type { Document, Page } from '../../service/index.ts';

/** A caller's own document. What is another's or expired is as good as none. */
export async function ownDocument(
  { documents, now }: DialectContext,
  principal: Principal,
  kind: string,
  id: string,
): Promise<Document | undefined> {
  const document = await documents.get(kind, id);
  const isOwn = document?.tenant === principal.tenant && document.principalId === principal.id;
  return isOwn && document.expiresAt > now() ? document : undefined;
}

/** One page of a caller's own documents. The records's pages may hold expired ones, which do not count. */
export async function ownDocuments(
  { documents, now }: DialectContext,
  principal: Principal,
  kind: string,
  page: Page & { readonly name?: string | undefined },
): Promise<{ documents: readonly Document[]; more: boolean }> {
  const wanted = page.limit + 1;
  const found: Document[] = [];
  for (let { after } = page; found.length < wanted; ) {
    const batch = await documents.list(kind, principal, { ...page, after, limit: wanted });
    found.push(...batch.filter(({ expiresAt }) => expiresAt > now()));
    if (batch.length < wanted) break;
    after = batch.at(-1)!.id;
  }
  return { documents: found.slice(0, page.limit), more: found.length >= wanted };
}
