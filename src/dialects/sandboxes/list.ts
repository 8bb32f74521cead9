import type { Principal } from '../../core/index.ts';
import type { SessionInfo, Sessions } from '../../service/index.ts';

const pageSize = 100;
/** A principal's quota of records ends a longer list much earlier. */
const most = 10_000;

/** The sandboxes of one API that have not ended, by creation. */
export async function sandboxesOf(
  sessions: Pick<Sessions, 'list'>,
  principal: Principal,
  face: string,
  order: 'asc' | 'desc',
): Promise<SessionInfo[]> {
  const found: SessionInfo[] = [];
  for (let after: string | undefined; found.length < most; ) {
    const page = await sessions.list(principal, { limit: pageSize, after, order, face });
    found.push(...page.sessions);
    if (!page.more) break;
    after = page.sessions.at(-1)!.id;
  }
  return found.filter(({ state }) => state !== 'expired');
}

/** @throws what `notFound` makes when there is none of this API's, or it has ended */
export async function sandboxOf(
  sessions: Pick<Sessions, 'get'>,
  principal: Principal,
  face: string,
  id: string,
  notFound: () => Error,
): Promise<SessionInfo> {
  const info = await sessions.get(principal, id);
  if (info.face !== face || info.state === 'expired') throw notFound();
  return info;
}
