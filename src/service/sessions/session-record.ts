import { DragomanError, isId, type Principal } from '../../core/index.ts';
import type { SessionRecord, SessionRecords } from '../../stores/index.ts';

/** When a session ends. @param maxLifeMs a session never lives longer than this from its creation */
export function endOf(
  { createdAt, lastActiveAt, lifeMs, endsAt }: Pick<SessionRecord, 'createdAt' | 'lastActiveAt' | 'lifeMs' | 'endsAt'>,
  maxLifeMs: number,
): number {
  return Math.min(endsAt ?? lastActiveAt + lifeMs, createdAt + maxLifeMs);
}

/** A session's record, expired or not. @throws DragomanError not_found, for another's as well */
export async function findSession(records: SessionRecords, principal: Principal, id: string): Promise<SessionRecord> {
  const record = isId(id) ? await records.find(id) : undefined;
  if (!record || record.tenant !== principal.tenant || record.principalId !== principal.id)
    throw new DragomanError('not_found', { message: 'Session not found' });
  return record;
}
